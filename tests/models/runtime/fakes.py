"""What stands in for a GPU, and for networks that need no weights."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cxr_agent.models.card import ModelCard
from cxr_agent.models.runtime import device, torch_backend
from cxr_agent.models.runtime.network import Arrays
from cxr_agent.models.store import load_card


@dataclass
class SmallMemory:
    """A network that sums each tile; ``room`` tiles fit its memory."""

    room: int
    batches: list[int] = field(default_factory=list)
    """Sizes of the batches that were tried, in order."""

    @property
    def card(self) -> ModelCard:
        return load_card("anatomy")

    def run(self, tiles: Arrays) -> dict[str, Arrays]:
        self.batches.append(len(tiles))
        if len(tiles) > self.room:
            raise MemoryError
        sums = tiles.sum(axis=(1, 2, 3))
        return {"sums": sums, "twice": np.stack([sums, sums], axis=1)}


@dataclass
class FakeGpu:
    """A GPU whose memory is this machine's; what torch is asked for is recorded."""

    count: int = 1
    mib: int = 8192
    precisions: list[tuple[str, Any]] = field(default_factory=list)
    given_back: int = 0
    pinned: int = 0
    """Arrays that were put where a GPU copies from and to by itself."""
    streams: list[Any] = field(default_factory=list)

    def autocast(self, kind: str, dtype: Any) -> AbstractContextManager[None]:
        self.precisions.append((kind, dtype))
        return nullcontext()

    def empty_cache(self) -> None:
        self.given_back += 1

    def stream(self, place: Any) -> SimpleNamespace:
        self.streams.append(SimpleNamespace(synchronize=lambda: None))
        return self.streams[-1]

    def pin_memory(self, tensor: Any) -> Any:
        self.pinned += 1
        return tensor.clone()

    def empty(self, *shape: Any, pin_memory: bool = False, **options: Any) -> Any:
        self.pinned += pin_memory
        return self._torch_empty(*shape, **options)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch

        show_gpu(monkeypatch)
        fakes: dict[str, Callable[..., Any]] = {
            "is_available": lambda: True,
            "device_count": lambda: self.count,
            "get_device_properties": lambda index: SimpleNamespace(total_memory=self.mib * 2**20),
            "get_device_name": lambda index: f"Fake {index}",
            "empty_cache": self.empty_cache,
            "Stream": self.stream,
            "stream": nullcontext,
            "current_stream": lambda: SimpleNamespace(synchronize=lambda: None),
            "synchronize": lambda place: None,
        }
        for name, fake in fakes.items():
            monkeypatch.setattr(torch.cuda, name, fake)
        monkeypatch.setattr(torch, "autocast", self.autocast)
        self._torch_empty = torch.empty
        monkeypatch.setattr(torch, "empty", self.empty)
        monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: self.pin_memory(tensor))
        torch_backend._streams.cache_clear()
        monkeypatch.setattr(torch_backend, "_place", lambda wanted: torch.device("cpu"))


def show_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine has a GPU, as far as the operating system tells."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(device, "_device_nodes", lambda: [Path("/dev/nvidia0")])


def hide_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine has neither GPU nor driver, whatever it has."""
    monkeypatch.setattr(device, "_device_nodes", list)
    monkeypatch.setattr(device, "_driver_library", lambda: False)
    monkeypatch.setattr(device.shutil, "which", lambda name: None)


def tiles_of(count: int, size: int = 4) -> Arrays:
    """(count, 1, size, size), all different."""
    rng = np.random.default_rng(count)
    return rng.normal(size=(count, 1, size, size)).astype(np.float32)
