"""Scores of CXReasonBench, from exact choices.

Completion, depth, consistency and alignment as its evaluation code defines them; a proportion is
that code's adjusted Wilson score: the centre of the 95 % interval (Wilson, JASA 1927) less 1.96
times half its width.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

STAGES: Final = ("init", "criteria", "custom_criteria", "bodypart", "measurement", "final")
_STEPS: Final = ("criteria", "bodypart", "measurement", "final")
_Z: Final = 1.96


@dataclass(frozen=True, slots=True)
class CaseScore:
    """What came of one case on one path."""

    passed: Mapping[str, bool]
    """By stage; a stage that was not reached is missing."""
    unknown: bool
    """Whether the first answer was "I don't know"."""
    consistent: bool | None = None
    """Whether the stated number lies in the chosen range; None where no number is asked for."""
    aligned: bool | None = None
    """Whether first and final answer agree."""

    @property
    def complete(self) -> bool:
        return self.passed.get("final", False)

    @property
    def depth(self) -> int:
        """Steps passed one after another, of four."""
        count = 0
        for stage in _STEPS:
            if not self.passed.get(stage, False):
                break
            count += 1
        return count


@dataclass(frozen=True, slots=True)
class TaskScore:
    """One task; None where nothing could be counted."""

    cases: int
    unknown: int
    first_right: float | None
    completion: float | None
    depth: float | None
    consistency: float | None
    alignment: float | None

    @property
    def refined_completion(self) -> float | None:
        """Completion times consistency: a right verdict with a wrong number loses."""
        if self.completion is None or self.consistency is None:
            return None
        return self.completion * self.consistency


def score(cases: Iterable[CaseScore]) -> TaskScore:
    """All cases of one task."""
    found = list(cases)
    answered = [case for case in found if not case.unknown]
    numbered = [case.consistent for case in answered if case.consistent is not None]
    compared = [case.aligned for case in answered if case.aligned is not None]
    return TaskScore(
        cases=len(found),
        unknown=len(found) - len(answered),
        first_right=_share([case.passed.get("init", False) for case in answered]),
        completion=_share([case.complete for case in answered]),
        depth=sum(case.depth for case in answered) / len(answered) if answered else None,
        consistency=_share(numbered),
        alignment=_share(compared),
    )


def _share(hits: list[bool]) -> float | None:
    return adjusted(sum(hits), len(hits)) if hits else None


def adjusted(right: int, trials: int) -> float:
    """Centre of the Wilson interval less 1.96 times half its width; below 0 for very few cases."""
    share, square = right / trials, _Z**2
    bottom = 1 + square / trials
    centre = (share + square / (2 * trials)) / bottom
    half = _Z * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2)) / bottom
    return centre - _Z * half
