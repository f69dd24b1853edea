"""From a network to the two files that ship: both back ends read the same out of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training is an extra")

from safetensors.torch import load_file  # noqa: E402
from torch import nn  # noqa: E402

from cxr_agent.models import store  # noqa: E402
from cxr_agent.models.card import ModelCard  # noqa: E402
from cxr_agent.models.networks import embedding, findings, view  # noqa: E402
from cxr_agent.models.runtime.device import CPU  # noqa: E402
from cxr_agent.models.runtime.onnx import OnnxNetwork  # noqa: E402
from cxr_agent.models.runtime.torch_backend import TorchNetwork  # noqa: E402
from tests.builders import LABELS, model_card  # noqa: E402
from training import export  # noqa: E402

pytestmark = [
    # torch 2.13 deprecates the exporter that traces.
    pytest.mark.filterwarnings("ignore:You are using the legacy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning"),
    # The side of a tile becomes a constant of the file, as it is meant to.
    pytest.mark.filterwarnings("ignore:Converting a tensor:torch.jit.TracerWarning"),
]
ARCHITECTURES: dict[str, Any] = {"findings": findings, "view": view, "embedding": embedding}


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(export, "WEIGHTS", tmp_path)
    monkeypatch.setattr(store, "weights_root", lambda: tmp_path)
    return tmp_path


def lived_in(deployed: nn.Module, size: int) -> nn.Module:
    """As after training: normalisation has statistics, and nothing is zero."""
    torch.manual_seed(0)
    network: nn.Module = getattr(deployed, "network", deployed)
    network.train()
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            if name == "prototypes":
                buffer.copy_(nn.functional.normalize(torch.randn_like(buffer), dim=1))
        for _ in range(3):
            network(torch.randn(4, 1, size, size) * 1.5)
    deployed.eval()
    return network


def card_of(model: str, files: export.Shipped, **rest: Any) -> ModelCard:
    names = {name: getattr(files, name) for name in files.__dataclass_fields__}
    return model_card(model, **names, **rest)


def batch(count: int, size: int) -> np.ndarray:
    tiles = np.random.default_rng(count).normal(size=(count, 1, size, size))
    return tiles.astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("model", ARCHITECTURES)
def test_both_back_ends_run_what_was_shipped(model: str) -> None:
    home = ARCHITECTURES[model]
    size, outputs = home.INPUT_SIZE, home.OUTPUTS
    labels = LABELS if model == "findings" else ()
    blank = model_card(model, labels=labels, outputs=outputs, input_size=size)
    deployed = home.deployed(blank)
    network = lived_in(deployed, size)
    card = card_of(
        model,
        export.ship(model, network, deployed, size, outputs),
        labels=labels,
        outputs=outputs,
        input_size=size,
    )
    by_onnx, by_torch = OnnxNetwork(card, threads=1), TorchNetwork(card, CPU)
    for count in (1, 3):
        tiles = batch(count, size)
        one, other = by_onnx.run(tiles), by_torch.run(tiles)
        with torch.no_grad():
            before = dict(zip(outputs, deployed(torch.from_numpy(tiles)), strict=True))
        assert tuple(one) == tuple(other) == outputs
        for name in outputs:
            assert one[name].shape == other[name].shape == tuple(before[name].shape)
            assert len(one[name]) == count
            assert np.allclose(one[name], other[name], atol=1e-4)
            assert np.allclose(one[name], before[name].numpy(), atol=1e-4)
        assert any(np.ptp(one[name]) > 0.01 for name in outputs)


class Tiny(nn.Module):
    """Two layers, and a number that halves cannot hold."""

    def __init__(self) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(2)
        self.layer = nn.Conv2d(4, 3, 1)
        self.norm = nn.BatchNorm2d(3)
        nn.init.constant_(self.layer.bias, 1 / 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cells = self.norm(self.layer(self.fold(x)))
        return cells.mean((2, 3)), cells


def test_files_are_named_hashed_and_readable_by_all(weights: Path) -> None:
    network = Tiny()
    files = export.ship("tiny", network, network, 16, ("sums", "cells"))
    assert export.shipped("tiny") == files
    for name, sha256 in (
        (files.weights_file, files.weights_sha256),
        (files.safetensors_file, files.safetensors_sha256),
    ):
        path = weights / "tiny" / name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
        assert path.stat().st_mode & 0o444 == 0o444


def test_the_weights_are_halves_everywhere(weights: Path) -> None:
    network = Tiny()
    network(torch.randn(2, 1, 16, 16))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    files = export.ship("tiny", network, network, 16, ("sums", "cells"))
    stored = load_file(weights / "tiny" / files.safetensors_file)
    assert stored.keys() == before.keys()
    assert stored["layer.bias"].dtype == torch.float16
    assert stored["norm.num_batches_tracked"].item() == 1
    for key, value in network.state_dict().items():
        assert value.dtype == before[key].dtype
        assert torch.equal(value, stored[key].to(value.dtype))
        assert torch.allclose(value.float(), before[key].float(), atol=1e-3)
    assert network.layer.bias[0].item() != pytest.approx(1 / 3, abs=1e-6)


def test_the_onnx_file_takes_any_number_of_tiles() -> None:
    network = Tiny().eval()
    outputs = ("sums", "cells")
    content = export.to_onnx(network, 16, outputs)
    session = OnnxNetwork(model_card("tiny", outputs=outputs, input_size=16), content, threads=1)
    for count in (1, 2, 7):
        tiles = batch(count, 16)
        found = session.run(tiles)
        with torch.no_grad():
            wanted = network(torch.from_numpy(tiles))
        for name, tensor in zip(outputs, wanted, strict=True):
            assert np.allclose(found[name], tensor.numpy(), atol=1e-5)


def test_dropout_is_off_in_what_is_exported() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(16, 1)).train()
    content = export.to_onnx(network, 4, ("sum",))
    session = OnnxNetwork(model_card("tiny", outputs=("sum",), input_size=4), content, threads=1)
    tiles = batch(1, 4)
    first, second = session.run(tiles)["sum"], session.run(tiles)["sum"]
    with torch.no_grad():
        wanted = network.eval()(torch.from_numpy(tiles)).numpy()
    assert np.array_equal(first, second)
    assert np.allclose(first, wanted, atol=1e-5)


def test_a_picture_and_its_mirror_image_are_judged_as_opposites() -> None:
    deployed = view.deployed(model_card("view"))
    lived_in(deployed, view.INPUT_SIZE)
    tiles = torch.from_numpy(batch(2, view.INPUT_SIZE))
    place = view.FLAGS.index("mirrored")
    with torch.no_grad():
        kind, turn, flags = deployed(tiles)
        as_it_is, reflected = flags[:, place], deployed(tiles.flip(3))[2][:, place]
    assert torch.allclose(as_it_is + reflected, torch.ones(2), atol=1e-5)
    for probabilities in (kind, turn):
        assert torch.allclose(probabilities.sum(1), torch.ones(2), atol=1e-5)
    assert ((flags > 0) & (flags < 1)).all()
