"""The runtime: lazy, one load per process, and what it tells. The GPU is a fake one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.runtime import onnx, runtime, torch_backend
from cxr_agent.models.runtime.notice import Notice, NoticeCode
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.models.store import load_card
from cxr_agent.testing.phantom import draw

from .fakes import FakeGpu, SmallMemory, tiles_of

SIZE = load_card("anatomy").input_size


@pytest.fixture(autouse=True)
def nothing_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runtime, "_shared", {})


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the models that ONNX Runtime loads."""
    seen: list[str] = []

    class Counted(onnx.OnnxNetwork):
        def __init__(self, card: Any, *rest: Any, **options: Any) -> None:
            seen.append(card.id)
            super().__init__(card, *rest, **options)

    monkeypatch.setattr(onnx, "OnnxNetwork", Counted)
    return seen


@pytest.fixture
def small_gpu(monkeypatch: pytest.MonkeyPatch) -> SmallMemory:
    """A GPU on which three tiles fit."""
    FakeGpu().install(monkeypatch)
    network = SmallMemory(room=3)
    monkeypatch.setattr(torch_backend, "TorchNetwork", lambda card, device: network)
    return network


def test_a_network_is_loaded_when_first_run(loads: list[str]) -> None:
    network = Runtime("cpu").network("anatomy")
    assert network.card.id == "anatomy"
    assert loads == []
    for _ in range(2):
        assert len(network.run(tiles_of(2, SIZE))["film"]) == 2
    assert loads == ["anatomy"]


def test_an_unknown_model() -> None:
    with pytest.raises(ModelError) as caught:
        Runtime("cpu").network("nothing")
    assert caught.value.code == "unknown_model"


def test_a_bad_device_and_a_bad_budget() -> None:
    with pytest.raises(UsageError) as caught:
        Runtime("tpu")
    assert caught.value.code == "bad_device"
    with pytest.raises(UsageError) as caught:
        Runtime("cpu", memory_mib=0)
    assert caught.value.code == "bad_memory"


def test_shelves_of_one_process_share_one_load(loads: list[str]) -> None:
    pixels = draw(size=128).pixels
    start = threading.Barrier(4, timeout=10)

    def segment(shelf: Shelf) -> float:
        start.wait()
        return shelf.anatomy().segment(pixels).film_probability

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(segment, [Shelf(Runtime.shared("cpu")) for _ in range(4)]))
    assert len(found) == 1
    assert loads == ["anatomy"]


def test_who_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeGpu(count=2).install(monkeypatch)
    first = Runtime.shared("cpu")
    assert Runtime.shared("cpu") is first
    assert Runtime.shared("auto") is Runtime.shared("cuda") is Runtime.shared("cuda:0")
    others = [Runtime.shared("cuda"), Runtime.shared("cuda:1"), Runtime.shared("cpu", threads=1)]
    assert len({id(one) for one in [first, *others]}) == 4
    monkeypatch.setattr(runtime.os, "getpid", lambda: 1)
    assert Runtime.shared("cpu") is not first


def test_the_budget_of_the_environment_decides_who_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Runtime.shared("cpu")
    monkeypatch.setenv("CXR_AGENT_MEMORY_MIB", "100")
    second = Runtime.shared("cpu")
    assert second is not first
    assert second.memory.limit_mib == 100


def test_by_default_a_part_of_the_memory_is_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXR_AGENT_MEMORY_MIB", raising=False)
    FakeGpu(mib=1000).install(monkeypatch)
    assert Runtime("cuda").memory.limit_mib == 800
    of_the_machine = Runtime("cpu").memory.limit_mib
    assert of_the_machine is not None
    assert of_the_machine > 256


def test_a_gpu_runs_torch(monkeypatch: pytest.MonkeyPatch, loads: list[str]) -> None:
    gpu = FakeGpu()
    gpu.install(monkeypatch)
    tiles = tiles_of(2, 64)
    found = Runtime("auto").network("anatomy").run(tiles)
    assert gpu.precisions
    assert loads == []
    alone = Runtime("cpu").network("anatomy").run(tiles_of(1, SIZE))
    assert loads == ["anatomy"]
    assert set(alone) == set(found)


def test_a_gpu_that_is_too_small_gets_smaller_batches(small_gpu: SmallMemory) -> None:
    served = Runtime("cuda")
    tiles = tiles_of(7)
    found = served.network("anatomy").run(tiles)
    assert np.allclose(found["sums"], tiles.sum(axis=(1, 2, 3)))
    assert small_gpu.batches == [7, 3, 3, 1]
    notice = Notice(NoticeCode.SMALLER_BATCHES, "anatomy", batch=3)
    assert served.notices == (notice,)
    assert notice.record() == {"code": "smaller_batches", "model": "anatomy", "batch": 3}
    assert "at most 3" in notice.text
    served.network("anatomy").run(tiles)
    assert small_gpu.batches[4:] == [3, 3, 1]
    assert served.notices == (notice,)


def test_a_gpu_on_which_nothing_fits(small_gpu: SmallMemory) -> None:
    small_gpu.room = 0
    with pytest.raises(ModelError) as caught:
        Runtime("cuda").network("anatomy").run(tiles_of(1))
    assert caught.value.code == "out_of_memory"


def test_no_memory_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(onnx, "OnnxNetwork", full)
    with pytest.raises(ModelError) as caught:
        Runtime("cpu").network("anatomy").run(tiles_of(1, SIZE))
    assert caught.value.code == "out_of_memory"
    assert "cpu" in caught.value.message


def test_a_budget_that_is_too_small_is_told_once() -> None:
    served = Runtime("cpu", memory_mib=5)
    for _ in range(2):
        served.network("anatomy").run(tiles_of(1, SIZE))
    (notice,) = served.notices
    assert (notice.code, notice.model) == (NoticeCode.OVER_BUDGET, "anatomy")
    assert notice.mib is not None
    assert notice.mib > 5
    assert str(notice.mib) in notice.text
    assert notice.record() == {"code": "over_budget", "model": "anatomy", "mib": notice.mib}


def test_a_network_that_had_to_go_is_loaded_again(loads: list[str]) -> None:
    served = Runtime("cpu", memory_mib=100)
    network = served.network("anatomy")
    network.run(tiles_of(1, SIZE))
    with served.memory.held("something large", object, 90):
        assert served.memory.loaded == ("something large",)
    network.run(tiles_of(1, SIZE))
    assert loads == ["anatomy"] * 2
