"""CXAS: labels, coordinates, and the checkpoint's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.evidence import Location
from cxr_agent.knowledge import vocabulary
from cxr_agent.models.adapters import load_adapter
from cxr_agent.models.adapters.cxas import CxasMasks, CxasModel
from cxr_agent.models.adapters.cxas_labels import LABELS, LOCATIONS, STRUCTURES
from cxr_agent.models.adapters.hardware import choose
from cxr_agent.study import FloatImage
from tests.models.adapters import tiny


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cxas")
    tiny.cxas(path)
    return path / "UNet_ResNet50_default.pth"


def test_the_labels_are_those_of_the_checkpoint() -> None:
    assert len(LABELS) == len(set(LABELS)) == 159
    # Spot checks against the published list, by channel.
    for index, label in {
        0: "spine",
        11: "vertebrae T1",
        31: "clavicle left",
        37: "posterior 12th rib left",
        78: "anterior 1st rib right",
        82: "12th rib",
        104: "anterior 1st rib",
        121: "heart",
        135: "right lung",
        158: "breast right",
    }.items():
        assert LABELS[index] == label


def test_what_corresponds_is_really_there() -> None:
    assert set(LOCATIONS.values()) <= set(LABELS)
    assert set(STRUCTURES.values()) <= set(LABELS)
    for code in STRUCTURES:
        assert vocabulary()[code].kind == "region"
    for location, label in LOCATIONS.items():
        for side in ("left", "right"):
            assert (side in location.value) == (side in label) or location is (
                Location.RIGHT_ATRIUM
            )


def test_masks_have_the_films_size_and_are_those_of_the_network(
    checkpoint: Path, film: FloatImage
) -> None:
    import torch

    masks = load_adapter("cxas", checkpoint).segment(film)
    rows = np.arange(512) * film.shape[0] // 512
    columns = np.arange(512) * film.shape[1] // 512
    square = torch.from_numpy(film[rows][:, columns])
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    picture = (square[None] - mean[:, None, None]) / std[:, None, None]
    with torch.inference_mode():
        wanted = tiny.cxas_network()(picture[None])[0].sigmoid().numpy()
    assert np.allclose(masks.probabilities, wanted, atol=1e-5)
    plane = masks.plane("heart")
    assert plane.shape == film.shape
    assert plane.dtype == np.bool_
    assert np.array_equal(plane, masks.structure("heart"))
    assert np.array_equal(plane, masks.location(Location.CARDIAC_SILHOUETTE))
    inside = masks.probabilities.mean(axis=(1, 2))
    assert inside.min() < 0.3 < 0.7 < inside.max()


def test_a_bright_box_on_an_oblong_film_stays_where_it_is() -> None:
    import torch

    def network(picture: Any) -> Any:
        return (picture[:, :1] * 10).expand(-1, len(LABELS), -1, -1)

    film = np.zeros((700, 400), dtype=np.float32)
    film[150:550, 60:200] = 1
    masks = CxasModel(network, choose("cpu", None)).segment(film)
    plane = masks.plane("liver")
    wanted = film > 0
    assert 2 * (plane & wanted).sum() / (plane.sum() + wanted.sum()) > 0.99
    assert not masks.plane("liver", threshold=1.0).any()
    assert torch.is_inference_mode_enabled() is False


def test_what_has_no_label_is_refused() -> None:
    masks = CxasMasks(np.zeros((len(LABELS), 8, 8), dtype=np.float32), (20, 30))
    for ask in (
        lambda: masks.plane("humerus"),
        lambda: masks.structure("pneumothorax"),
        lambda: masks.location(Location.ABDOMEN),
    ):
        with pytest.raises(UsageError) as caught:
            ask()
        assert caught.value.code == "unknown_label"


def test_the_published_network_has_its_published_size() -> None:
    import torch

    from cxr_agent.models.adapters.networks.cxas import CxasNet

    with torch.device("meta"):
        network = CxasNet(64, (3, 4, 6, 3), 128, 159)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes["backbone.backbone.layer4.2.conv3.weight"] == (2048, 512, 1, 1)
    assert shapes["head.up1.conv1.conv.0.weight"] == (1024, 2048, 3, 3)
    assert shapes["head.up1.conv2.double_conv.0.weight"] == (1024, 2048, 3, 3)
    assert shapes["head.up2.conv.double_conv.3.weight"] == (256, 512, 3, 3)
    assert shapes["head.up4.conv.double_conv.3.weight"] == (128, 64, 3, 3)
    assert shapes["head.out.conv.weight"] == (159, 128, 1, 1)


def test_without_the_checkpoint_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        load_adapter("cxas", "UNet_ResNet50_default")
    assert caught.value.code == "weights_unavailable"
    assert "cxr-agent models pull" in caught.value.hint


def test_the_file_that_the_package_keeps_is_found(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, film: FloatImage
) -> None:
    kept = tmp_path / ".cxas" / "weights" / checkpoint.name
    kept.parent.mkdir(parents=True)
    kept.symlink_to(checkpoint)
    monkeypatch.setenv("HOME", str(tmp_path))
    found = load_adapter("cxas", "UNet_ResNet50_default").segment(film)
    given = load_adapter("cxas", checkpoint).segment(film)
    assert np.array_equal(found.probabilities, given.probabilities)


@pytest.mark.parametrize("change", ["fewer labels", "no head", "another shape"])
def test_another_layout_is_refused(tmp_path: Path, change: str) -> None:
    import torch

    state = tiny.cxas_network().state_dict()
    if change == "fewer labels":
        for part in ("weight", "bias"):
            state[f"head.out.conv.{part}"] = state[f"head.out.conv.{part}"][:5]
    elif change == "no head":
        state = {name: t for name, t in state.items() if not name.startswith("head.up2")}
    else:
        state["head.up3.conv.double_conv.0.weight"] = torch.zeros(2, 2, 3, 3)
    torch.save({"model": state}, tmp_path / "x.pth")
    with pytest.raises(ModelError) as caught:
        load_adapter("cxas", tmp_path / "x.pth")
    assert caught.value.code == "bad_checkpoint"


@pytest.mark.slow
def test_half_precision_stays_close(checkpoint: Path, film: FloatImage) -> None:
    whole = load_adapter("cxas", checkpoint).segment(film)
    half = load_adapter("cxas", checkpoint, dtype="bfloat16").segment(film)
    assert half.probabilities.dtype == np.float32
    assert np.abs(whole.probabilities - half.probabilities).mean() < 0.05
