"""How far readings of the same film agree, finding by finding and value by value.

After ICON (Hou et al., "Improving Inter-Report Consistency in Radiology Report Generation via
Lesion-aware Mixup Augmentation", EMNLP Findings 2024), which asks that the same lesion be reported
the same way. Here the lesion is surely the same, because the film is: what changes is how it was
stored, shown or placed. A consistent reader may still be wrong; see :mod:`robustness` for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from cxr_agent.evaluation.consistency.readings import FilmReading, FindingState, Readings
from cxr_agent.evaluation.metrics.shares import Share, share

_OPPOSITE: Final = {FindingState.FLAGGED, FindingState.UNLIKELY}


class _Scored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FindingConsistency(_Scored):
    """One finding, over films on which the original reading said something of it."""

    finding: str
    same: Share
    """Flagged, undecided or unlikely as before: the consistency score of the finding."""
    contradicted: Share
    """Flagged where it was unlikely, or the other way round."""
    withheld: Share
    """Nothing is said of it any more."""
    kappa: float | None
    """Cohen's, unweighted, over the four states; None where both always said the same one."""
    mean_change: float | None
    """Mean absolute change of the probability, where there are two."""
    largest_change: float | None


class ValueConsistency(_Scored):
    """One measurement."""

    measurement: str
    films: int
    """On which it was measured both times."""
    lost: int
    """Films on which it was measured only before."""
    mean_change: float | None
    """Mean absolute change, in its unit."""
    change_in_widths: float | None
    """Mean absolute change over half the width of the original's interval: below 1, on average
    within the doubt that the program itself states."""
    inside: Share
    """Values within the original's interval, where it has one."""


class PerturbationConsistency(_Scored):
    """One perturbation."""

    perturbation: str
    strength: float
    films: int
    """That were read before."""
    refused: Share
    """Films that are no longer read."""
    refusals: dict[str, int]
    """By code."""
    score: float | None
    """Mean of ``same`` over the findings."""
    findings: tuple[FindingConsistency, ...]
    values: tuple[ValueConsistency, ...]


class Consistency(_Scored):
    """All perturbations of some films."""

    films: int
    not_read: dict[str, int]
    """Films that were refused as they are, by code: they take no part."""
    score: float | None
    """Mean over the findings, over all perturbations."""
    findings: tuple[FindingConsistency, ...]
    """Over all perturbations together: a film counts once for each."""
    values: tuple[ValueConsistency, ...]
    perturbations: tuple[PerturbationConsistency, ...]


Pair = tuple[FilmReading, FilmReading]
"""The film as it is, and perturbed."""


def consistency(
    originals: Readings, perturbed: Mapping[str, Readings], strengths: Mapping[str, float]
) -> Consistency:
    """Compare readings of perturbed films with those of the films as they are.

    Parameters
    ----------
    originals
        By film.
    perturbed
        By perturbation, then by film; a film may be missing from some.
    strengths
        By perturbation.
    """
    read = {film: reading for film, reading in originals.items() if reading.refused is None}
    pairs: dict[str, list[Pair]] = {
        name: [(read[film], other) for film, other in others.items() if film in read]
        for name, others in perturbed.items()
    }
    everything = [pair for some in pairs.values() for pair in some]
    findings = findings_of(everything)
    return Consistency(
        films=len(read),
        not_read=dict(Counter(r.refused for r in originals.values() if r.refused is not None)),
        score=_mean(one.same.value for one in findings),
        findings=findings,
        values=values_of(everything),
        perturbations=tuple(
            _perturbation(name, strengths[name], some) for name, some in pairs.items()
        ),
    )


def _perturbation(name: str, strength: float, pairs: Sequence[Pair]) -> PerturbationConsistency:
    refusals = Counter(other.refused for _, other in pairs if other.refused is not None)
    findings = findings_of(pairs)
    return PerturbationConsistency(
        perturbation=name,
        strength=strength,
        films=len(pairs),
        refused=share(refusals.total(), len(pairs)),
        refusals=dict(refusals),
        score=_mean(one.same.value for one in findings),
        findings=findings,
        values=values_of(pairs),
    )


def findings_of(pairs: Sequence[Pair]) -> tuple[FindingConsistency, ...]:
    """Every finding of which an original reading said something, by name."""
    names = sorted({name for before, _ in pairs for name in before.states})
    return tuple(_finding(name, pairs) for name in names)


def _finding(name: str, pairs: Sequence[Pair]) -> FindingConsistency:
    said = [pair for pair in pairs if name in pair[0].states]
    states = [(before.state(name), after.state(name)) for before, after in said]
    changes = [
        abs(after.probabilities[name] - before.probabilities[name])
        for before, after in said
        if name in before.probabilities and name in after.probabilities
    ]
    count = len(states)
    return FindingConsistency(
        finding=name,
        same=share(sum(before is after for before, after in states), count),
        contradicted=share(sum({*both} == _OPPOSITE for both in states), count),
        withheld=share(sum(after is FindingState.REFUSED for _, after in states), count),
        kappa=kappa(Counter(states)),
        mean_change=_mean(changes),
        largest_change=max(changes, default=None),
    )


StatePair = tuple[FindingState, FindingState]
"""Before and after."""


def states_of(pairs: Iterable[Pair]) -> dict[str, Counter[StatePair]]:
    """How often each finding went from which state to which."""
    found: dict[str, Counter[StatePair]] = {}
    for before, after in pairs:
        for name, state in before.states.items():
            found.setdefault(name, Counter())[state, after.state(name)] += 1
    return found


def kappa(states: Mapping[StatePair, int]) -> float | None:
    """Cohen's kappa (1960) of so many pairs; None where chance alone would always agree."""
    count = sum(states.values())
    before: Counter[FindingState] = Counter()
    after: Counter[FindingState] = Counter()
    for (first, second), times in states.items():
        before[first] += times
        after[second] += times
    agreed = sum(before[state] * after[state] for state in before)
    if agreed == count**2:  # no pairs at all, too
        return None
    expected = agreed / count**2
    observed = sum(times for (one, other), times in states.items() if one is other) / count
    return (observed - expected) / (1 - expected)


def values_of(pairs: Sequence[Pair]) -> tuple[ValueConsistency, ...]:
    """Every measurement of an original reading, by name."""
    names = sorted({name for before, _ in pairs for name in before.values})
    return tuple(_value(name, pairs) for name in names)


def _value(name: str, pairs: Sequence[Pair]) -> ValueConsistency:
    measured = [(b.values[name], a.values.get(name)) for b, a in pairs if name in b.values]
    both = [(before, after) for before, after in measured if after is not None]
    changes = [abs(after.value - before.value) for before, after in both]
    doubted = [
        (before.interval, after.value) for before, after in both if before.interval is not None
    ]
    widths = [
        abs(after.value - before.value) / half
        for before, after in both
        if before.interval is not None and (half := (before.interval[1] - before.interval[0]) / 2)
    ]
    return ValueConsistency(
        measurement=name,
        films=len(both),
        lost=len(measured) - len(both),
        mean_change=_mean(changes),
        change_in_widths=_mean(widths),
        inside=share(sum(low <= value <= high for (low, high), value in doubted), len(doubted)),
    )


def _mean(numbers: Iterable[float | None]) -> float | None:
    there = [number for number in numbers if number is not None]
    return float(np.mean(there)) if there else None
