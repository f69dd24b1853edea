"""What writing the trace costs, beside what the disk alone takes for the same bytes.

A run is read, and then written again event by event; in turn with each event its bytes are written
and fsynced bare, to a file beside. A noisy disk so falls on both.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.films import write_film
from cxr_agent.reading import Agent
from cxr_agent.trace import Trace, TraceWriter, artifacts_of, read_trace
from cxr_agent.trace.line import encode

_RUNS = 7
_ROUNDS = 5


@dataclass
class Clock:
    """Seconds spent in something, and how often."""

    seconds: float = 0.0
    calls: int = 0


def rows() -> list[tuple[str, str]]:
    """What the table shows."""
    # Not /tmp, which may be memory: there an fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        reading, trace = _readings(folder)
        return [*reading, *_events(folder, trace), *_bytes(trace)]


def _readings(folder: Path) -> tuple[list[tuple[str, str]], Trace]:
    film = write_film(folder, 2048)
    shares, synced, syncs = [], [], 0
    with Agent(traces=folder / "traces") as agent:
        agent.read(film)
        for _ in range(_RUNS):
            with ExitStack() as timing:
                names = ("create", "append_all", "hold", "put", "close")
                writing = [timing.enter_context(_timed(TraceWriter, one)) for one in names]
                sync = timing.enter_context(_timed(os, "fsync"))
                began = time.perf_counter()
                report = agent.read(film)
                whole = time.perf_counter() - began
            shares.append(sum(clock.seconds for clock in writing) / whole)
            synced.append(sync.seconds / whole)
            syncs = sync.calls
    assert report.trace is not None
    all_of_it, disk = statistics.median(shares), statistics.median(synced)
    own = statistics.median(a - b for a, b in zip(shares, synced, strict=True))
    share = f"{all_of_it:.1%} of it: fsync {disk:.1%}, the rest {own:.1%} (limit 3 %)"
    trace = read_trace(Path(report.trace))
    what = f"trace in one warm reading, {len(trace.lines)} events with {syncs} fsyncs"
    return [(what, share)], trace


def _events(folder: Path, trace: Trace) -> list[tuple[str, str]]:
    """Each event by the writer and bare, in turn."""
    written, bare = [], []
    for _ in range(_ROUNDS):
        with TraceWriter.create(folder / "again") as writer:
            file = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for line in trace.lines:
                data = encode(line) + b"\n"
                written.append(_seconds(lambda line=line: writer.append(line.event)))
                bare.append(_seconds(lambda file=file, data=data: _bare(file, data)))
            os.close(file)
    one, alone = (1000 * statistics.fmean(times) for times in (written, bare))
    more = 1000 * statistics.median(a - b for a, b in zip(written, bare, strict=True))
    shown = f"{one:.2f} ms, {alone:.2f} ms bare; median difference {more:.2f} ms (limit 2 ms)"
    return [("one event with its fsync, beside a bare fsync of its bytes", shown)]


def _bytes(trace: Trace) -> list[tuple[str, str]]:
    lines = sum(len(encode(line)) + 1 for line in trace.lines)
    kept = {sha256 for event in trace.events for _, sha256 in artifacts_of(event)}
    artifacts = sum(len(trace.artifact(sha256)) for sha256 in kept)
    shown = (
        f"{(lines + artifacts) / 1000:.0f} kB: {len(trace.lines)} events {lines / 1000:.0f} kB, "
        f"{len(kept)} artifacts {artifacts / 1000:.0f} kB"
    )
    return [("a study on the disk", shown)]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _bare(descriptor: int, data: bytes) -> None:
    os.write(descriptor, data)
    os.fsync(descriptor)


@contextmanager
def _timed(owner: Any, name: str) -> Iterator[Clock]:
    """Time all calls of a function or method meanwhile."""
    clock, function = Clock(), getattr(owner, name)

    def timed(*arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            clock.seconds += time.perf_counter() - began
            clock.calls += 1

    with patch.object(owner, name, timed):
        yield clock


if __name__ == "__main__":
    for what, measured in rows():
        print(f"{what}: {measured}")
