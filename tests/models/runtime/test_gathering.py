"""Gathering: everybody gets their own results, together where the device is busy, alone else."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.models.runtime import runtime, torch_backend
from cxr_agent.models.runtime.batching import Batches
from cxr_agent.models.runtime.gathering import Gathering
from cxr_agent.models.runtime.network import Arrays
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.store import load_card

from .fakes import FakeGpu, SmallMemory, tiles_of

POISON = -1.0
S = 10.0
"""Longer than anything here takes; a test that waits so long has failed."""


def marked(count: int, mark: float) -> Arrays:
    """(count, 1, 2, 2) tiles that tell whose they are, and which."""
    tiles = np.full((count, 1, 2, 2), mark, dtype=np.float32)
    tiles[:, 0, 0, 0] = np.arange(count)
    return tiles


@dataclass
class Echo:
    """A network that gives back what it got, and fails over a poisonous tile."""

    runs: list[int] = field(default_factory=list)
    """Tiles of each run, in order."""
    gate: threading.Event = field(default_factory=threading.Event)
    """Runs wait for it."""
    busy: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released by each run that begins."""

    def __call__(self, tiles: Arrays) -> dict[str, Arrays]:
        self.runs.append(len(tiles))
        self.busy.release()
        assert self.gate.wait(S)
        if (tiles == POISON).any():
            raise RuntimeError(f"poison among {len(tiles)}")
        return {"echo": tiles.copy(), "sums": tiles.sum(axis=(1, 2, 3))}


@dataclass
class Desk:
    """Callers of one gathering."""

    network: Callable[[Arrays], dict[str, Arrays]]
    most: int = 100
    gathering: Gathering = field(default_factory=lambda: Gathering(1))
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(32))

    def ask(self, tiles: Arrays, model: str = "anatomy") -> Future[dict[str, Arrays]]:
        """Call from another thread, and come back when the call runs or waits."""
        before = self.gathering.waiting
        asked = self.pool.submit(self.gathering.run, model, tiles, self.network, lambda: self.most)
        return_when(lambda: self.gathering.waiting > before or asked.done())
        return asked


def return_when(true: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(S * 1000)):
        if true():
            return
        pause.wait(0.001)
    raise AssertionError("it never came true")


@contextmanager
def busy(desk: Desk, network: Echo) -> Iterator[Future[dict[str, Arrays]]]:
    """The device does a run, which ends with the block."""
    first = desk.pool.submit(
        desk.gathering.run, "anatomy", marked(1, 99), desk.network, lambda: desk.most
    )
    assert network.busy.acquire(timeout=S)
    try:
        yield first
    finally:
        network.gate.set()
        first.result(S)


def own(tiles: Arrays, asked: Future[dict[str, Arrays]]) -> bool:
    return np.array_equal(asked.result(S)["echo"], tiles)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["anatomy", "view"]), st.integers(1, 9), st.booleans()),
        min_size=1,
        max_size=24,
    ),
    st.integers(1, 16),
    st.integers(1, 16),
    st.integers(1, 3),
)
def test_everybody_gets_their_own_whatever_happens_to_others(
    calls: list[tuple[str, int, bool]], most: int, room: int, at_once: int
) -> None:
    echo = Echo()
    echo.gate.set()

    class Full(SmallMemory):
        def run(self, tiles: Arrays) -> dict[str, Arrays]:
            self.batches.append(len(tiles))
            if len(tiles) > self.room:
                raise MemoryError
            return echo(tiles)

    batches, network = Batches(most), Full(room)
    gathering = Gathering(at_once)
    start = threading.Barrier(len(calls), timeout=S)

    def call(number: int, model: str, count: int, poisonous: bool) -> str:
        tiles = marked(count, POISON if poisonous else 100 + number)
        start.wait()
        try:
            found = gathering.run(
                model, tiles, lambda some: batches.run(network, some), lambda: batches.size
            )
        except RuntimeError as error:
            return str(error)
        assert np.array_equal(found["echo"], tiles)
        assert np.array_equal(found["sums"], tiles.sum(axis=(1, 2, 3)))
        return "own"

    with ThreadPoolExecutor(len(calls)) as pool:
        asked = [pool.submit(call, number, *one) for number, one in enumerate(calls)]
        told = [one.result(S) for one in asked]
    for (_, count, poisonous), what in zip(calls, told, strict=True):
        # The error is that of the caller's own tiles: no more of them than it has.
        assert what.startswith("poison among") if poisonous else what == "own"
        assert not poisonous or int(what.split()[-1]) <= count
    assert gathering.waiting == 0
    assert gathering._free == at_once


def test_one_caller_alone_runs_in_its_own_thread_at_once() -> None:
    seen: list[int] = []
    gathering = Gathering(1)

    def network(tiles: Arrays) -> dict[str, Arrays]:
        seen.append(threading.get_ident())
        return {"echo": tiles}

    tiles = marked(3, 5)
    for _ in range(100):
        assert gathering.run("anatomy", tiles, network, lambda: 1)["echo"].base is tiles
    assert set(seen) == {threading.get_ident()}
    assert gathering.waiting == 0


def test_what_comes_while_the_device_is_busy_goes_together_and_in_order() -> None:
    network = Echo()
    desk = Desk(network, most=8)
    films = [marked(count, count) for count in (3, 2, 4, 1)]
    with busy(desk, network):
        asked = [desk.ask(tiles) for tiles in films]
    assert all(map(own, films, asked))
    assert network.runs == [1, 5, 5]  # 3 + 2 and no 4, which would be too many; then 4 + 1


def test_models_are_not_mixed_and_the_oldest_call_goes_first() -> None:
    network = Echo()
    desk = Desk(network)
    with busy(desk, network):
        asked = [
            desk.ask(marked(count, count), model)
            for model, count in (("view", 1), ("anatomy", 2), ("view", 3), ("anatomy", 4))
        ]
    assert all(own(marked(count, count), one) for count, one in enumerate(asked, 1))
    assert network.runs == [1, 4, 6]


def test_more_than_fits_from_one_caller_is_its_own_run() -> None:
    network = Echo()
    desk = Desk(network, most=4)
    with busy(desk, network):
        asked = [desk.ask(marked(count, count)) for count in (9, 1)]
    assert own(marked(9, 9), asked[0])
    assert own(marked(1, 1), asked[1])
    assert network.runs == [1, 9, 1]


def test_a_poisonous_tile_fails_alone() -> None:
    network = Echo()
    desk = Desk(network)
    with busy(desk, network):
        bad = desk.ask(marked(2, POISON))
        good = [desk.ask(marked(count, count)) for count in (3, 4)]
        also_bad = desk.ask(marked(5, POISON))
    assert all(own(marked(count, count), one) for count, one in zip((3, 4), good, strict=True))
    errors = [one.exception(S) for one in (bad, also_bad)]
    assert [str(error) for error in errors] == ["poison among 2", "poison among 5"]
    assert network.runs == [1, 14, 2, 3, 4, 5]
    assert own(marked(1, 7), desk.ask(marked(1, 7)))  # the device is free again


def test_a_network_that_loses_a_tile_mixes_no_films_up() -> None:
    network = Echo()
    desk = Desk(lambda tiles: {"echo": network(tiles)["echo"][: 1 if len(tiles) > 1 else 2]})
    with busy(desk, network):
        asked = [desk.ask(marked(1, mark)) for mark in (3, 4)]
    assert own(marked(1, 3), asked[0])
    assert own(marked(1, 4), asked[1])


def interrupt(thread: int) -> None:
    """What Ctrl-C does to the main thread, done to another."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt)
    )


def test_a_leader_that_is_interrupted_takes_nobody_along() -> None:
    network = Echo()
    leaders: list[int] = []

    def interrupted(tiles: Arrays) -> dict[str, Arrays]:
        if len(tiles) == 7 and not leaders:
            leaders.append(threading.get_ident())
            raise KeyboardInterrupt
        return network(tiles)

    desk = Desk(interrupted)
    with busy(desk, network):
        first = desk.ask(marked(2, 2))
        others = [desk.ask(marked(count, count)) for count in (1, 4)]
    assert isinstance(first.exception(S), KeyboardInterrupt)
    assert own(marked(1, 1), others[0])
    assert own(marked(4, 4), others[1])
    assert network.runs == [1, 5]
    assert desk.gathering._free == 1


def test_one_that_is_interrupted_while_it_waits_leaves() -> None:
    network = Echo()
    desk = Desk(network)
    thread: list[int] = []

    def call() -> None:
        thread.append(threading.get_ident())
        desk.gathering.run("anatomy", marked(5, 5), network, lambda: 100)

    with busy(desk, network):
        left = desk.pool.submit(call)
        return_when(lambda: desk.gathering.waiting == 1)
        other = desk.ask(marked(3, 3))
        # An exception of this sort is raised when the thread next runs: wake it for nothing.
        interrupt(thread[0])
        desk.gathering._waiting[0].woken.set()
        return_when(lambda: desk.gathering.waiting == 1)
        assert isinstance(left.exception(S), KeyboardInterrupt)
    assert own(marked(3, 3), other)
    assert network.runs == [1, 3]


def test_no_tiles_are_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no tiles"):
        Gathering(1).run("anatomy", tiles_of(0), lambda tiles: {}, lambda: 4)


@dataclass
class Slow(SmallMemory):
    """Runs wait at the gate, so that those after the first ones go together."""

    gate: threading.Event = field(default_factory=threading.Event)

    def run(self, tiles: Arrays) -> dict[str, Arrays]:
        assert self.gate.wait(S)
        return super().run(tiles)


@pytest.fixture
def slow_gpu(monkeypatch: pytest.MonkeyPatch) -> Slow:
    FakeGpu().install(monkeypatch)
    network = Slow(room=100)
    monkeypatch.setattr(torch_backend, "TorchNetwork", lambda card, device: network)
    return network


def together(served: Runtime, slow: Slow, films: list[Arrays]) -> list[dict[str, Arrays]]:
    """Run all films from threads of their own; the device is let go when all are there."""
    slow.gate.clear()
    with ThreadPoolExecutor(len(films)) as pool:
        asked = [pool.submit(served.network("anatomy").run, film) for film in films]
        return_when(lambda: served._gathering.waiting == len(films) - runtime._AT_ONCE)
        slow.gate.set()
        return [one.result(S) for one in asked]


def test_a_gpu_gathers(slow_gpu: Slow) -> None:
    films = [tiles_of(count) for count in range(1, 11)]
    found = together(Runtime("cuda"), slow_gpu, films)
    for film, one in zip(films, found, strict=True):
        assert np.array_equal(one["sums"], film.sum(axis=(1, 2, 3)))
    assert len(slow_gpu.batches) < len(films)
    assert max(slow_gpu.batches) > 10
    assert sum(slow_gpu.batches) == 55


def test_a_full_gpu_halves_what_was_gathered_and_remembers(slow_gpu: Slow) -> None:
    slow_gpu.room = 6
    served = Runtime("cuda")
    films = [tiles_of(4 + number) for number in range(8)]
    found = together(served, slow_gpu, films)
    for film, one in zip(films, found, strict=True):
        assert np.array_equal(one["sums"], film.sum(axis=(1, 2, 3)))
    assert max(slow_gpu.batches) > 6
    slow_gpu.batches.clear()
    together(served, slow_gpu, films)
    assert max(slow_gpu.batches) <= 6
    assert {notice.code.value for notice in served.notices} == {"smaller_batches"}


def test_a_cpu_does_not_gather_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    monkeypatch.setattr(
        Gathering,
        "run",
        lambda self, model, tiles, network, most: runs.append(most()) or network(tiles),
    )
    tiles = tiles_of(2, load_card("view").input_size)
    alone = Runtime("cpu").network("view").run(tiles)
    assert runs == []
    found = Runtime("cpu", gathers=True).network("view").run(tiles)
    assert runs == [64]
    assert all(np.allclose(found[name], alone[name], atol=1e-5) for name in alone)


def test_whoever_holds_a_model_does_not_wait_for_others(slow_gpu: Slow) -> None:
    """Others may wait for the memory of what it holds, and it would wait for them."""
    served = Runtime("cuda", memory_mib=2000)
    done: list[str] = []

    def run(name: str) -> None:
        assert len(served.network("anatomy").run(tiles_of(2))["sums"]) == 2
        done.append(name)

    def run_holding() -> None:
        with served.memory.held("something large", object, 1900):
            for _ in range(4):
                threading.Thread(target=run, args=("other",), daemon=True).start()
            return_when(lambda: served._gathering.waiting == 4 - runtime._AT_ONCE)
            slow_gpu.gate.set()
            run("holder")  # the others wait for the memory

    threading.Thread(target=run_holding, daemon=True).start()
    return_when(lambda: len(done) == 5)
    assert done[0] == "holder"


def test_gathered_outlines_are_those_of_each_film_alone() -> None:
    size = load_card("anatomy").input_size
    films = [tiles_of(1 + number % 2, size) for number in range(4)]
    alone = [Runtime("cpu").network("anatomy").run(film) for film in films]
    served = Runtime("cpu", gathers=True)
    with ThreadPoolExecutor(len(films)) as pool:
        found = list(pool.map(served.network("anatomy").run, films))
    for one, other in zip(alone, found, strict=True):
        assert np.allclose(one["masks"], other["masks"], atol=1e-4)
        assert np.allclose(one["film"], other["film"], atol=1e-4)
