"""What a task has to give, so that a run can be made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import JsonValue

from cxr_agent.evaluation.runs.bootstrap import OfSums
from cxr_agent.evaluation.runs.model import Better, Outcome, Plot


@dataclass(frozen=True, slots=True)
class Case:
    """One question to every system."""

    name: str
    """What it is called in the data; unique. Kept in the run's folder, shown on no page."""
    group: str
    """Whose it is: cases of one patient are drawn together. Shown nowhere."""
    content: str = ""
    """Hash of what the case consists of, where it is at hand; another content is another run."""
    data: Any = field(default=None, compare=False)
    """What the task needs to answer it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system gave to a case."""

    values: Mapping[str, JsonValue]
    """Numbers, words and lists of them: the measures see nothing else, so that a run that goes on
    has all it needs."""
    trace: str = ""
    """Folder of the trace, below the folder that the task was given for traces."""


Tally = tuple[float, float]
"""A sum, and of how many."""
Statistic = Callable[[Sequence[Outcome]], float | None]
"""Of outcomes of one system that are done; None where it is not defined for these."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that a task is judged by, with an interval by resampling patients.

    ``statistic`` sees the same outcome more than once where its patient was drawn more than once.
    """

    name: str
    statistic: Statistic
    about: str = ""
    unit: str = ""
    better: Better = "neither"
    of_all: bool = False
    """Whether refused and failed cases are shown to the statistic too."""
    counted: Callable[[Outcome], bool] = field(default=lambda _: True)
    """Which cases it is about: the ``cases`` of the estimate, and all that the statistic sees."""


class Task(Protocol):
    """A question, the cases that put it, the systems that answer, and the measures.

    ``answer`` may raise: an :class:`~cxr_agent.errors.InputError` is a refusal, all else a failure
    of that case alone. It is called again for a case after a kill, so it must be repeatable, and
    random choices hang on ``settings["seed"]`` and the case's name, never on what came before.
    """

    @property
    def name(self) -> str:
        """As on the command line."""
        ...

    @property
    def title(self) -> str: ...

    @property
    def question(self) -> str:
        """What it answers, in a sentence."""
        ...

    @property
    def unknown(self) -> Sequence[str]:
        """What its results do not tell, in sentences."""
        ...

    @property
    def systems(self) -> Sequence[str]:
        """Who answers: this program first, then baselines."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that outcomes depend on beside the cases: model, planner, seed, thresholds."""
        ...

    def cases(self) -> Sequence[Case]:
        """In an order that is always the same."""
        ...

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        """One case by one system; traces go below ``traces``."""
        ...

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        """Those that these outcomes, of all systems, can be judged by."""
        ...

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        """Pictures; may be none."""
        ...

    def close(self) -> None:
        """Give back what the task holds."""
        ...


def ratio_of(tally: Callable[[Outcome], Tally]) -> Statistic:
    """Sum over count of what each outcome gives; None where all counts are 0."""
    return OfSums(tally, lambda total, count: total / count if count else None)


def mean_of(key: str) -> Statistic:
    """The mean of a number that outcomes have under ``key``; those without it are passed over."""

    def tally(outcome: Outcome) -> Tally:
        value = number(outcome, key)
        return (0.0, 0.0) if value is None else (value, 1.0)

    return ratio_of(tally)


def share_of(test: Callable[[Outcome], bool]) -> Statistic:
    """The share of outcomes that pass a test."""
    return ratio_of(lambda outcome: (float(test(outcome)), 1.0))


def number(outcome: Outcome, key: str) -> float | None:
    """A number of an outcome, or None; true and false are 1 and 0."""
    value = outcome.values.get(key)
    return float(value) if isinstance(value, int | float) else None
