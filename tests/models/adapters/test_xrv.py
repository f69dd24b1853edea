"""torchxrayvision's classifiers: pixel scaling, operating points, pickled modules."""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.knowledge import vocabulary
from cxr_agent.models.adapters import load_adapter
from cxr_agent.models.adapters.hardware import choose
from cxr_agent.models.adapters.xrv import XrvClassifier, normalise
from cxr_agent.models.adapters.xrv_weights import CODES, WEIGHTS
from cxr_agent.study import FloatImage
from tests.models.adapters import tiny

ALL = WEIGHTS["densenet121-res224-all"]


def tiny_resnet() -> Any:
    import torch

    from cxr_agent.models.adapters.networks.resnet import ResNet

    torch.manual_seed(5)
    return ResNet(1, 4, (1, 1, 2, 1), 18).eval()


def as_packaged(network: Any) -> Any:
    """The network as an object whose classes claim to come from torchxrayvision."""
    for module in network.modules():
        kind = type(module)
        if kind.__module__.startswith("cxr_agent"):
            name = {"DenseNet": "DenseNet", "_Layer": "_DenseLayer", "_Transition": "_Transition"}
            module.__class__ = PACKAGED[name[kind.__name__]]
    return network


def _packaged_class(name: str) -> Any:
    import torch

    return type(name, (torch.nn.Module,), {"__module__": "torchxrayvision.models"})


PACKAGED: dict[str, Any] = {}


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A stand-in for torchxrayvision while a file is written; returns how to remove it."""
    module = types.ModuleType("torchxrayvision.models")
    for name in ("DenseNet", "_DenseLayer", "_Transition"):
        PACKAGED[name] = _packaged_class(name)
        setattr(module, name, PACKAGED[name])
    monkeypatch.setitem(sys.modules, "torchxrayvision", types.ModuleType("torchxrayvision"))
    monkeypatch.setitem(sys.modules, "torchxrayvision.models", module)

    def remove() -> None:
        monkeypatch.delitem(sys.modules, "torchxrayvision.models")
        monkeypatch.delitem(sys.modules, "torchxrayvision")

    return remove


@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.filterwarnings(
    "ignore:Couldn't retrieve source code"
)  # of the stand-in, by torch.save
def test_a_whole_pickled_module_is_read_without_its_package(
    package: Callable[[], None], tmp_path: Path, films: list[FloatImage], new_format: bool
) -> None:
    import torch

    path = tmp_path / ALL.file
    torch.save(as_packaged(tiny.densenet()), path, _use_new_zipfile_serialization=new_format)
    package()
    assert b"torchxrayvision" in path.read_bytes()
    from_module = load_adapter("xrv", path)
    torch.save(tiny.densenet().state_dict(), tmp_path / "state.pt")
    from_state = load_adapter("xrv", tmp_path / "state.pt", weights="densenet121-res224-all")
    assert from_module.classify(films) == from_state.classify(films)
    assert "torchxrayvision" not in sys.modules


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> XrvClassifier:
    import torch

    path = tmp_path_factory.mktemp("xrv") / ALL.file
    torch.save(tiny.densenet().state_dict(), path)
    return load_adapter("xrv", path)


def test_scores_are_the_networks_in_order(classifier: XrvClassifier) -> None:
    import torch

    film = np.random.default_rng(1).random((224, 224), dtype=np.float32)
    (scores,) = classifier.classify([film])
    with torch.inference_mode():
        wanted = tiny.densenet()(torch.from_numpy((2 * film - 1) * 1024)[None, None])
    assert [score.pathology for score in scores] == list(ALL.pathologies)
    assert [score.probability for score in scores] == pytest.approx(
        wanted.sigmoid()[0].tolist(), abs=1e-5
    )
    assert np.ptp([score.probability for score in scores]) > 0.1
    for score in scores:
        assert score.normalised == normalise(score.probability, score.operating_point)


def test_a_batch_is_as_one_at_a_time(classifier: XrvClassifier, films: list[FloatImage]) -> None:
    together = classifier.classify(films)
    assert len(set(together)) == len(films)
    for film, scores in zip(films, together, strict=True):
        (alone,) = classifier.classify([film])
        for one, other in zip(alone, scores, strict=True):
            assert one.probability == pytest.approx(other.probability, abs=1e-6)
    assert classifier.classify([]) == []


def test_the_network_sees_the_square_at_the_centre_in_the_right_range() -> None:
    seen: list[Any] = []

    def network(pictures: Any) -> Any:
        import torch

        seen.append(pictures)
        return torch.zeros(len(pictures), 18)

    film = np.zeros((500, 300), dtype=np.float32)
    film[100:400] = 1  # the centre square is white, what is cut off is black
    XrvClassifier(network, ALL, choose("cpu", None)).classify([film, 1 - film])
    white, black = seen[0]
    assert white.shape == (1, 224, 224)
    assert float(white.min()) == 1024
    assert float(black.max()) == -1024


def test_the_operating_point_becomes_one_half() -> None:
    assert normalise(0.2, 0.2) == 0.5
    assert normalise(0.1, 0.2) == 0.25
    assert normalise(0.6, 0.2) == 0.75
    assert normalise(0.0, 0.2) == 0
    assert normalise(1.0, 0.2) == 1


@pytest.mark.parametrize("name", sorted(WEIGHTS))
def test_the_table_of_weights_is_whole(name: str) -> None:
    published = WEIGHTS[name]
    assert len(published.operating_points) == len(published.pathologies) == 18
    points = [point for point in published.operating_points if not math.isnan(point)]
    assert points
    assert all(0 < point < 1 for point in points)
    assert published.file.endswith(".pt")


def test_codes_are_findings_of_the_vocabulary() -> None:
    assert set(CODES) <= set(ALL.pathologies)
    for code in CODES.values():
        assert vocabulary()[code].kind == "finding"


def test_untrained_outputs_are_left_out(tmp_path: Path, film: FloatImage) -> None:
    import torch

    torch.save(tiny.densenet().state_dict(), tmp_path / WEIGHTS["densenet121-res224-rsna"].file)
    classifier = load_adapter("xrv", tmp_path)
    (scores,) = classifier.classify([film])
    assert [score.pathology for score in scores] == ["Pneumonia", "Lung Opacity"]
    assert [score.code for score in scores] == ["pneumonia", "lung_opacity"]
    assert classifier.pathologies == ("Pneumonia", "Lung Opacity")


def test_the_residual_network(tmp_path: Path, film: FloatImage) -> None:
    import torch

    torch.save(tiny_resnet().state_dict(), tmp_path / WEIGHTS["resnet50-res512-all"].file)
    (scores,) = load_adapter("xrv", tmp_path).classify([film])
    assert len(scores) == 16
    assert all(0 < score.probability < 1 for score in scores)


def test_the_published_network_has_its_published_size() -> None:
    import torch

    from cxr_agent.models.adapters.networks.densenet import DenseNet

    with torch.device("meta"):
        network = DenseNet(1, 64, (6, 12, 24, 16), 32, 128, 18)
    # DenseNet-121 on one channel with 18 outputs.
    assert sum(p.numel() for p in network.parameters()) == 6_966_034


def test_weights_by_name_come_from_the_packages_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, film: FloatImage
) -> None:
    import torch

    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        load_adapter("xrv", "densenet121-res224-all")
    assert caught.value.code == "weights_unavailable"
    kept = tmp_path / ".torchxrayvision" / "models_data"
    kept.mkdir(parents=True)
    torch.save(tiny.densenet().state_dict(), kept / ALL.file)
    assert len(load_adapter("xrv", "densenet121-res224-all").classify([film])[0]) == 18


def test_a_file_of_another_name_needs_to_be_told(tmp_path: Path) -> None:
    import torch

    torch.save(tiny.densenet().state_dict(), tmp_path / "mine.pt")
    with pytest.raises(UsageError) as caught:
        load_adapter("xrv", tmp_path / "mine.pt")
    assert caught.value.code == "unknown_weights"


@pytest.mark.parametrize("weights", ["resnet50-res512-all", "densenet121-res224-all"])
def test_another_layout_is_refused(tmp_path: Path, weights: str) -> None:
    import torch

    state = tiny.densenet().state_dict()
    state["classifier.weight"] = state["classifier.weight"][:3]
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(ModelError) as caught:
        load_adapter("xrv", tmp_path / "x.pt", weights=weights)
    assert caught.value.code == "bad_checkpoint"


def test_half_precision_stays_close(tmp_path: Path, film: FloatImage) -> None:
    tiny.xrv(tmp_path)
    (whole,) = load_adapter("xrv", tmp_path).classify([film])
    (half,) = load_adapter("xrv", tmp_path, dtype="bfloat16").classify([film])
    for one, other in zip(whole, half, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=0.1)
    assert whole != half
