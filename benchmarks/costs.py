"""What one warm reading costs in CPU time: its networks, and everything else.

Measured as in a worker of a batch: one thread for a network, and freed memory kept at hand.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.films import write_film
from cxr_agent.allocator import keep_freed_memory
from cxr_agent.imaging import Decoder
from cxr_agent.models.card import ModelCard
from cxr_agent.models.runtime.network import Arrays
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.reading import Agent

_SIZES = (512, 2048)
_RUNS = 9
_DECODED = 50
"""Films decoded for one figure: the system counts a process's time in hundredths of a second."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """Of one reading; seconds of CPU time, but for ``wall``."""

    wall: float
    networks: float
    tiles: int
    rest: float
    """Of this process; decoding is in another."""


class _Counting(Runtime):
    """A runtime with one thread that counts what its networks take."""

    def __init__(self) -> None:
        super().__init__("cpu", threads=1)
        self.seconds, self.tiles = 0.0, 0
        self._counting = threading.Lock()

    def run(self, card: ModelCard, tiles: Arrays) -> dict[str, Arrays]:
        began = time.thread_time()
        try:
            return super().run(card, tiles)
        finally:
            with self._counting:
                self.seconds += time.thread_time() - began
                self.tiles += len(tiles)


def _read(agent: Agent, runtime: _Counting, film: Path) -> _Cost:
    runtime.seconds, runtime.tiles = 0.0, 0
    began, cpu = time.perf_counter(), time.process_time()
    agent.read(film)
    wall, spent = time.perf_counter() - began, time.process_time() - cpu
    return _Cost(wall, runtime.seconds, runtime.tiles, spent - runtime.seconds)


def _decoding(film: Path) -> float:
    """CPU seconds of the worker for one film."""
    with Decoder() as decoder:
        decoder.decode(film)
        before = _seconds_of(decoder.worker_pid)
        for _ in range(_DECODED):
            decoder.decode(film)
        return (_seconds_of(decoder.worker_pid) - before) / _DECODED


def _seconds_of(pid: int | None) -> float:
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")


def _measured(size: int) -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as name, Agent(traces=Path(name) / "traces") as agent:
        runtime = _Counting()
        agent.setup = replace(agent.setup, shelf=Shelf(runtime))
        film = write_film(Path(name), size)
        costs = [_read(agent, runtime, film) for _ in range(2 + _RUNS)][2:]
        decoding = _decoding(film)
    networks, rest, wall = (
        statistics.median(getattr(cost, name) for cost in costs)
        for name in ("networks", "rest", "wall")
    )
    share = networks / (networks + rest + decoding)
    return [
        (f"{size} px: all networks, {costs[0].tiles} tiles", f"{1000 * networks:.0f} ms"),
        (f"{size} px: decoding, in its own process", f"{1000 * decoding:.0f} ms"),
        (f"{size} px: everything else", f"{1000 * rest:.0f} ms"),
        (f"{size} px: share of the networks", f"{100 * share:.0f} %"),
        (f"{size} px: wall time", f"{1000 * wall:.0f} ms"),
    ]


def rows() -> list[tuple[str, str]]:
    """CPU time of one warm reading by film size, each in a process of its own."""
    found: list[tuple[str, str]] = []
    for size in _SIZES:
        with ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=keep_freed_memory
        ) as pool:
            found += pool.submit(_measured, size).result()
    return found
