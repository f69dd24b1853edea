"""Films that make a tool fail in a certain way, and the agent that reads them with that tool.

The tool is a real one: it measures the share of bright pixels on a phantom. A film's first pixels
say what goes wrong while it is measured.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from cxr_agent.evidence import EvidenceKind, Observation, Unit
from cxr_agent.planning.planner import Decision, Situation
from cxr_agent.reading import Agent
from cxr_agent.study import Image
from cxr_agent.testing.phantom import draw, random_spec
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.contract import ToolResult, spec_of, tool
from cxr_agent.toolbox.registry import Registry

ONCE_VARIABLE = "CXR_AGENT_TEST_ONCE"
"""Names the folder where it is kept which films took a worker along before."""
_STEP = 20
_MARK = 8


class Fault(IntEnum):
    """What goes wrong; the mark on the film is this many steps of grey."""

    NONE = 0
    KILLED = 1
    CRASHED = 2
    HANGS = 3
    EATS_MEMORY = 4
    RAISES = 5
    EXITS = 6
    KILLED_ONCE = 7
    HANGS_ONCE = 8


class Share(ToolResult):
    """Share of bright pixels."""

    share: float

    def observations(self) -> Iterable[Observation]:
        yield Observation(
            kind=EvidenceKind.MEASUREMENT,
            code="cardiothoracic_ratio",
            value=self.share,
            unit=Unit.RATIO,
        )


@tool(version="1", purpose="Share of bright pixels.", subject="cardiothoracic_ratio")
def measure_share(film: Image) -> Share:
    """Measure, or fail as the film's mark says."""
    _fail(Fault(round(float(film.pixels[:_MARK, :_MARK].mean()) * 255 / _STEP)), film.sha256)
    return Share(share=float((film.pixels > 0.5).mean()))


def _fail(fault: Fault, film: str) -> None:
    match fault:
        case Fault.KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        case Fault.CRASHED:
            # To this very thread: another one may take its time to die of it.
            signal.pthread_kill(threading.get_ident(), signal.SIGSEGV)
        case Fault.HANGS:
            time.sleep(3600)
        case Fault.EATS_MEMORY:
            held = np.ones(2**26)  # 512 MiB
            time.sleep(held[0] * 3600)
        case Fault.RAISES:
            raise RuntimeError("a fault of this tool")
        case Fault.EXITS:
            os._exit(3)
        case Fault.KILLED_ONCE if _first(film):
            os.kill(os.getpid(), signal.SIGKILL)
        case Fault.HANGS_ONCE if _first(film):
            time.sleep(3600)


def _first(film: str) -> bool:
    mark = Path(os.environ[ONCE_VARIABLE]) / film
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class OneCall:
    """Measures the first film and is done."""

    name = "one_call"
    corrigible = False

    def decide(self, situation: Situation) -> Decision:
        if situation.tried:
            return Decision((), "script_done")
        return Decision((ToolCall("measure_share", {"film": "img-1"}),), "scripted")


def faulty_agent() -> Agent:
    """An agent with that tool alone; it loads no network."""
    spec = spec_of(measure_share)
    assert spec is not None
    return Agent(planner=OneCall(), registry=Registry([spec]), model="none")


def write_films(
    folder: Path, count: int, faults: dict[int, Fault] | None = None, size: int = 64
) -> list[Path]:
    """Phantoms ``000000.png`` and so on, those of the given numbers with their mark."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [folder / f"{number:06d}.png" for number in range(count)]
    draws = [draw(random_spec(np.random.default_rng(n)), size=size).pixels for n in range(20)]
    for number, path in enumerate(made):
        grey = np.rint(draws[number % 20] * 255).astype(np.uint8)
        # No two films are alike, and each says itself which one it is.
        digits = [int(digit) for digit in f"{number:06d}"]
        grey[-1, -len(digits) :] = [20 * digit for digit in digits]
        grey[:_MARK, :_MARK] = (faults or {}).get(number, Fault.NONE) * _STEP
        Picture.fromarray(grey).save(path, compress_level=1)
    return made
