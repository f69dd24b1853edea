"""Runs mutated cases, and tells what escaped and what hung."""

from __future__ import annotations

import hashlib
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

from cxr_agent.errors import CxrAgentError

from .mutators import mutated
from .targets import Target, targets

HANGS_AFTER_S: Final = 10.0


class Hung(BaseException):
    """More than ten seconds on one file."""


@dataclass(frozen=True)
class Trouble:
    """A case that did not end as it must."""

    target: str
    what: str
    seed: int
    data: bytes = field(repr=False)

    @property
    def name(self) -> str:
        return hashlib.sha256(self.data).hexdigest()[:12]


@dataclass
class Campaign:
    """What a run of cases came to."""

    cases: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    codes: dict[str, Counter[str]] = field(default_factory=dict)
    slowest: dict[str, float] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    seconds: float = 0.0
    workers_ended: int = 0

    @property
    def total(self) -> int:
        return sum(self.cases.values())


def fuzz(cases: int, seed: int = 0, only: str = "") -> Campaign:
    """Run so many cases, the same ones for the same seed.

    Parameters
    ----------
    only
        Name of one target.
    """
    found = Campaign()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name, ExitStack() as ending:
        every, worker = targets(Path(name), ending)
        chosen = [one for one in every if not only or one.name == only]
        shares = [one.share for one in chosen]
        dice = random.Random(seed)
        for number in range(cases):
            target = dice.choices(chosen, shares)[0]
            _run(target, seed * 10_000_000 + number, found)
        found.workers_ended = worker.ended
    found.seconds = time.monotonic() - started
    return found


def case_of(target: Target, seed: int) -> bytes:
    """The file of one case."""
    dice = random.Random(seed)
    return mutated(dice.choice(target.seeds), dice, target.aware)


def _run(target: Target, seed: int, found: Campaign) -> None:
    data = case_of(target, seed)
    name = target.name
    started = time.monotonic()
    try:
        with _alarm():
            target.read(data)
        found.taken[name] += 1
    except CxrAgentError as error:
        found.codes.setdefault(name, Counter())[error.code] += 1
    except Hung:
        found.troubles.append(Trouble(name, "hang", seed, data))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        what = f"{type(error).__name__}: {str(error)[:120]}"
        found.troubles.append(Trouble(name, what, seed, data))
    took = time.monotonic() - started
    found.cases[name] += 1
    found.slowest[name] = max(found.slowest.get(name, 0.0), took)


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(_: int, __: FrameType | None) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, HANGS_AFTER_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
