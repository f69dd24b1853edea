"""A process that has imported everything, and forks one that reads or goes on with a run.

    python -m tests.replaying.warm FOLDER

For each line ``read TRACES SECONDS`` or ``resume TRACES SECONDS`` a child does so, and is killed
with SIGKILL that many seconds after it was forked, if it still lives. What a child reports, it
writes itself: ``kept SEQ SHA256`` for each line once the writer said that it is on the disk. Then
``ended STATUS`` is told of it, as a shell has it. A fork costs milliseconds, an interpreter that
imports all of this a second.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cxr_agent.evidence import EvidenceKind, Observation
from cxr_agent.reading import Agent
from cxr_agent.replaying import resume
from cxr_agent.study import FloatImage, Image, Study
from cxr_agent.testing.scripted import ScriptedPlanner
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.contract import BoolMask, Mask, ToolResult, spec_of, tool
from cxr_agent.toolbox.registry import Registry
from cxr_agent.trace import Event, Line, TraceWriter
from cxr_agent.trace import writer as writer_module
from cxr_agent.trace.line import digest, encode
from tests.builders import film

RUN = "run"
"""Every run has one name, in a folder of its own: so reports can be the same bytes."""
FILM = Path("film.png")
"""Loaded from no file: what a child reads, the process that forked it has made."""
LUNGS = ("right_lung", "left_lung")


class Outlined(ToolResult):
    """Which parts of the film are dark."""

    pixels: int

    def observations(self) -> Iterable[Observation]:
        for code in LUNGS:
            yield Observation(kind=EvidenceKind.REGION, code=code)


class Leaning(ToolResult):
    """How the film lies, by where it is dark."""

    share: float

    def observations(self) -> Iterable[Observation]:
        yield Observation(
            kind=EvidenceKind.QUALITY,
            code="orientation",
            category="upright",
            probability=self.share,
        )


@tool(version="1", purpose="Outlines lungs.", subject="anatomy", provides=LUNGS)
def outline(film: Image) -> Outlined:
    dark = film.pixels < np.median(film.pixels)
    half = film.shape[1] // 2
    masks = {}
    for name, columns in zip(LUNGS, (slice(0, half), slice(half, None)), strict=True):
        plane: BoolMask = np.zeros(film.shape, dtype=np.bool_)
        plane[:, columns] = dark[:, columns]
        masks[name] = Mask(name, plane)
    return Outlined(pixels=int(dark.sum()), masks=masks)


@tool(version="1", purpose="Which side is darker.", subject="orientation")
def lean(film: Image, right_lung: Mask, left_lung: Mask) -> Leaning:
    right, left = int(right_lung.plane.sum()), int(left_lung.plane.sum())
    return Leaning(share=0.5 + abs(right - left) / (2 * (right + left)))


@tool(version="1", purpose="Which end is darker.", subject="orientation")
def stand(film: Image, right_lung: Mask) -> Leaning:
    upper, lower = np.array_split(right_lung.plane, 2)
    return Leaning(share=float(0.5 + upper.sum() / (2 * (upper.sum() + lower.sum() + 1))))


def pixels() -> FloatImage:
    """(64, 48) float32 in [0, 1], the same each time."""
    rows, columns = np.indices((64, 48))
    made: FloatImage = (0.5 + 0.5 * np.sin(0.3 * columns) * np.cos(0.2 * rows)).astype(np.float32)
    return made


STUDY = Study((film(pixels()),))


class Reader(Agent):
    """An agent whose film need not be decoded."""

    def load(self, *_: Any, **__: Any) -> Study:
        return STUDY


def reader(traces: Path) -> Reader:
    """Two steps that wait for each other, the second of two calls side by side."""
    names = ("outline", "lean", "stand")
    first, *then = (ToolCall(name, {"film": "img-1"}) for name in names)
    specs = (spec_of(one) for one in (outline, lean, stand))
    return Reader(
        traces=traces,
        registry=Registry(spec for spec in specs if spec is not None),
        planner=ScriptedPlanner([first, then]),
        model="none",
        device="cpu",
    )


def tell_what_is_kept(tell: Callable[[str], None]) -> None:
    """Let every writer tell of the lines that it acknowledges."""
    held: list[Line] = []
    hold_all, append_all = TraceWriter.hold_all, TraceWriter.append_all

    def holding(self: TraceWriter, events: Iterable[Event]) -> tuple[Line, ...]:
        lines = hold_all(self, tuple(events))
        held.extend(lines)
        return lines

    def appending(self: TraceWriter, events: Iterable[Event]) -> tuple[Line, ...]:
        lines = append_all(self, tuple(events))
        for line in (*held, *lines):
            tell(f"kept {line.seq} {digest(encode(line))}\n")
        held.clear()
        return lines

    TraceWriter.hold_all = holding  # type: ignore[method-assign]
    TraceWriter.append_all = appending  # type: ignore[method-assign]


def work(what: str, traces: Path) -> None:
    with reader(traces) as agent:
        if what == "read":
            agent.read(FILM)
        else:
            resume(agent, traces / RUN, [FILM])


def tell(text: str) -> None:
    os.write(sys.stdout.fileno(), text.encode())


def child(what: str, traces: Path) -> int:
    """Fork a process that does the work; its number."""
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        tell_what_is_kept(tell)
        work(what, traces)
        status = 0
    except Exception as error:
        tell(f"failed {error!r}\n")
    finally:
        os._exit(status)


def ended(number: int, seconds: float) -> int:
    """The status of a child that is killed after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(number, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.0005)
    os.kill(number, signal.SIGKILL)  # not waited for yet, so the number is still its own
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def main(folder: Path) -> None:
    """Read once here, so that all is imported, and then whatever is asked for."""
    writer_module._fresh_id = lambda: RUN
    work("read", folder)
    began = time.monotonic()
    work("read", folder / "again")
    assert threading.active_count() == 1  # a fork takes along none but the one that forks
    tell(f"ready {time.monotonic() - began}\n")
    for line in sys.stdin:
        what, traces, seconds = line.split()
        tell(f"ended {ended(child(what, Path(traces)), float(seconds))}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
