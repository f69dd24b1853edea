"""Torch against ONNX Runtime on the CPU. What a GPU alone does was tested with a fake one."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cxr_agent.errors import ModelError
from cxr_agent.models import store
from cxr_agent.models.card import ModelCard
from cxr_agent.models.runtime import torch_backend
from cxr_agent.models.runtime.device import CPU, Device
from cxr_agent.models.runtime.onnx import OnnxNetwork
from cxr_agent.models.runtime.torch_backend import TorchNetwork
from cxr_agent.models.store import list_cards, load_card
from cxr_agent.models.tile import make_tile
from cxr_agent.testing.phantom import PhantomSpec, draw

from .fakes import FakeGpu, tiles_of

GPU = Device("cuda")
CLOSE = 0.02
"""Half precision on disk moves a probability by less than this, and a border by no pixel."""


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    fake = FakeGpu()
    fake.install(monkeypatch)
    return fake


class Hungry(nn.Module):
    """Runs out of a GPU's memory above ``room`` tiles, as torch does."""

    def __init__(self, network: nn.Module, room: int) -> None:
        super().__init__()
        self.network = network
        self.room = room

    def forward(self, x: Tensor) -> Any:
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return self.network(x)


def films(card: ModelCard) -> np.ndarray:
    drawn = [draw(PhantomSpec(cardiothoracic_ratio=ratio)).pixels for ratio in (0.42, 0.6)]
    return np.stack([make_tile(pixels, card.input_size)[0] for pixels in drawn])[:, None]


@pytest.mark.parametrize("card", list_cards(), ids=lambda card: card.id)
def test_torch_gives_what_onnx_gives(card: ModelCard) -> None:
    tiles = films(card)
    one = OnnxNetwork(card, threads=1).run(tiles)
    other = TorchNetwork(card, CPU).run(tiles)
    assert tuple(one) == tuple(other) == card.outputs
    for name, array in one.items():
        assert other[name].shape == array.shape
        assert other[name].dtype == np.float32
        spread = max(1.0, float(array.max() - array.min()))
        assert np.abs(other[name] - array).max() < CLOSE * spread


def test_the_outlines_are_the_same() -> None:
    card = load_card("anatomy")
    tiles = films(card)
    one = OnnxNetwork(card, threads=1).run(tiles)["masks"] > 0.5
    other = TorchNetwork(card, CPU).run(tiles)["masks"] > 0.5
    assert (one != other).mean() < 1e-4


def test_weights_lie_channels_last_and_take_no_gradient() -> None:
    network = TorchNetwork(load_card("anatomy"), CPU)._network
    weights = [p for p in network.parameters() if p.ndim == 4 and p.shape[2] == 3]
    assert weights
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in weights)
    assert not any(p.requires_grad for p in network.parameters())
    assert not network.training


def test_half_precision_is_for_a_gpu_alone(gpu: FakeGpu) -> None:
    card = load_card("anatomy")
    tiles = tiles_of(1, 64)
    on_cpu = TorchNetwork(card, CPU).run(tiles)
    assert gpu.precisions == []
    on_gpu = TorchNetwork(card, GPU).run(tiles)
    assert gpu.precisions == [("cuda", torch.float16)]
    assert np.allclose(on_cpu["masks"], on_gpu["masks"], atol=1e-6)


def test_a_gpu_copies_by_itself(gpu: FakeGpu) -> None:
    network = TorchNetwork(load_card("anatomy"), GPU)
    before = gpu.pinned
    network.run(tiles_of(2, 32))
    assert gpu.pinned - before == 1 + len(network.card.outputs)


def test_runs_at_the_same_time_have_a_stream_each_and_later_ones_take_them_over(
    gpu: FakeGpu,
) -> None:
    network = TorchNetwork(load_card("anatomy"), GPU)
    meet = threading.Barrier(2, timeout=10)

    class Together(nn.Module):
        def forward(self, x: Tensor) -> Any:
            meet.wait()
            return x, x.mean((1, 2, 3))

    network._network = Together()
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            assert len(list(pool.map(network.run, [tiles_of(1, 32)] * 2))) == 2
    assert len(gpu.streams) == 2


def test_a_failed_run_gives_its_stream_back(gpu: FakeGpu) -> None:
    network = TorchNetwork(load_card("anatomy"), GPU)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="channels"):
            network.run(np.zeros((1, 2, 32, 32), dtype=np.float32))
    assert len(gpu.streams) == 1


def test_a_full_gpu_is_a_full_memory(gpu: FakeGpu) -> None:
    network = TorchNetwork(load_card("anatomy"), GPU)
    network._network = Hungry(network._network, room=3)
    with pytest.raises(MemoryError) as caught:
        network.run(tiles_of(4, 32))
    assert gpu.given_back == 1
    # What failed held the memory of the GPU; nothing may keep it.
    assert caught.value.__context__ is None
    assert len(network.run(tiles_of(3, 32))["film"]) == 3


def test_a_gpu_without_room_for_the_weights(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(network: nn.Module, *_: Any, **__: Any) -> nn.Module:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(nn.Module, "to", full)
    with pytest.raises(MemoryError):
        TorchNetwork(load_card("anatomy"), GPU)
    assert gpu.given_back == 1


def test_another_fault_of_torch_is_no_full_memory(gpu: FakeGpu) -> None:
    network = TorchNetwork(load_card("anatomy"), GPU)
    with pytest.raises(RuntimeError, match="channels"):
        network.run(np.zeros((1, 2, 32, 32), dtype=np.float32))
    assert gpu.given_back == 0


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "weights"
    shutil.copytree(store.weights_root(), root)
    monkeypatch.setattr(store, "weights_root", lambda: root)
    return root / "anatomy"


def test_damaged_weights_are_refused(copied: Path) -> None:
    file = copied / "anatomy.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError) as caught:
        TorchNetwork(load_card("anatomy"), CPU)
    assert caught.value.code == "weights_damaged"
    file.unlink()
    with pytest.raises(ModelError) as caught:
        TorchNetwork(load_card("anatomy"), CPU)
    assert caught.value.code == "weights_missing"


def test_weights_that_hash_right_and_do_not_fit(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_backend, "verified_weights", lambda card, form: b"no weights")
    with pytest.raises(ModelError) as caught:
        TorchNetwork(load_card("anatomy"), CPU)
    assert caught.value.code == "weights_damaged"


def test_an_architecture_that_is_not_there() -> None:
    card = load_card("anatomy").model_copy(update={"architecture": "nothing"})
    with pytest.raises(ModelError) as caught:
        TorchNetwork(card, CPU)
    assert caught.value.code == "unknown_architecture"
