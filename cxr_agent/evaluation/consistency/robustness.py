"""What becomes of a reading as a film gets worse: does it fall silent, or does it go wrong?

A program that refuses a ruined film has done right; one that says the opposite of what it said has
not. Both are counted at each strength, never added up into one number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from cxr_agent.evaluation.consistency.perturbations import FAMILIES, Family, Perturbation
from cxr_agent.evaluation.consistency.readings import FilmReading, FindingState, Readings
from cxr_agent.evaluation.metrics.shares import Share, share

Truth = Mapping[str, Mapping[str, bool]]
"""By film, then by finding as :class:`~readings.FilmReading` names it: whether it is there."""


class Fate(StrEnum):
    """What became of one statement of the original reading."""

    SAME = "same"
    HEDGED = "hedged"
    """Undecided where it was decided."""
    DECIDED = "decided"
    """Decided where it was undecided."""
    WITHHELD = "withheld"
    """Nothing is said any more: film or finding was refused."""
    CONTRADICTED = "contradicted"
    """Flagged where it was unlikely, or the other way round."""


class Verdict(StrEnum):
    """One statement against the truth."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"
    REFUSED = "refused"


class _Point(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CurvePoint(_Point):
    """One strength."""

    level: int
    """0 is the film as it is."""
    strength: float | None
    films: int
    fates: dict[Fate, Share]
    """Of the statements of the original reading."""
    verdicts: dict[Verdict, Share]
    """Of what truth is known for; all of nothing where it is not."""


class Curve(_Point):
    """One family."""

    family: str
    meaning: str
    readable: bool
    """Whether such a film should be read at all."""
    points: tuple[CurvePoint, ...]


class Robustness(_Point):
    """All families that were tried."""

    films: int
    curves: tuple[Curve, ...]


_DECIDED: Final = (FindingState.FLAGGED, FindingState.UNLIKELY)


def robustness(
    originals: Readings, perturbed: Mapping[str, Readings], truth: Truth | None = None
) -> Robustness:
    """Follow every statement along the strengths of each family.

    Parameters
    ----------
    originals
        By film; refused ones take no part.
    perturbed
        By perturbation (``blur:2``), then by film.
    truth
        Of the films for which it is known.
    """
    read = {film: reading for film, reading in originals.items() if reading.refused is None}
    curves = tuple(_curve(one, read, perturbed, truth or {}) for one in FAMILIES)
    return Robustness(films=len(read), curves=tuple(one for one in curves if len(one.points) > 1))


def _curve(
    family: Family, read: Readings, perturbed: Mapping[str, Readings], truth: Truth
) -> Curve:
    points = [_point(0, None, [(film, one, one) for film, one in read.items()], truth)]
    for level in range(1, len(family.strengths) + 1):
        step = Perturbation(family, level)
        others = perturbed.get(step.name, {})
        met = [(film, read[film], other) for film, other in others.items() if film in read]
        if met:
            points.append(_point(level, step.strength, met, truth))
    return Curve(
        family=family.name,
        meaning=family.meaning,
        readable=family.readable,
        points=tuple(points),
    )


def _point(
    level: int,
    strength: float | None,
    met: Sequence[tuple[str, FilmReading, FilmReading]],
    truth: Truth,
) -> CurvePoint:
    fates = Counter(
        fate(before.states[name], after.state(name))
        for _, before, after in met
        for name in before.states
    )
    verdicts = Counter(
        verdict(after.state(name), there)
        for film, _, after in met
        for name, there in truth.get(film, {}).items()
    )
    return CurvePoint(
        level=level,
        strength=strength,
        films=len(met),
        fates={one: share(fates[one], fates.total()) for one in Fate},
        verdicts={one: share(verdicts[one], verdicts.total()) for one in Verdict},
    )


def fate(before: FindingState, after: FindingState) -> Fate:
    """What became of a statement."""
    if before is after:
        return Fate.SAME
    if after is FindingState.REFUSED:
        return Fate.WITHHELD
    if after is FindingState.UNDECIDED:
        return Fate.HEDGED
    return Fate.CONTRADICTED if before in _DECIDED else Fate.DECIDED


def verdict(state: FindingState, there: bool) -> Verdict:
    """A statement against the truth."""
    if state is FindingState.REFUSED:
        return Verdict.REFUSED
    if state is FindingState.UNDECIDED:
        return Verdict.UNDECIDED
    return Verdict.RIGHT if (state is FindingState.FLAGGED) is there else Verdict.WRONG
