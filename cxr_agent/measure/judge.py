"""Whether a value may be given, and what it means: a definition's limits applied to a geometry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from cxr_agent.evidence import Interval, Polarity
from cxr_agent.knowledge import (
    Comparison,
    Decision,
    MeasurementDefinition,
    Threshold,
    threshold,
)
from cxr_agent.measure.geometry import Geometry, NotMeasurable
from cxr_agent.study import View

_Outcome = Literal["holds", "fails", "open"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a value."""

    polarity: Polarity
    """With the doubt of the value: uncertain where its interval does not lie clear of a limit."""
    nearest: Polarity
    """By the value alone."""
    category: str
    nearest_category: str
    limits: dict[str, float]
    """What decided: ``limit``, ``limit_pa`` and ``limit_ap``, ``limit_low`` and ``limit_high``, or
    with several quantities ``limit_`` and the name of the threshold."""
    source: str
    reasons: tuple[str, ...]
    """Of the comparisons that hold by the value alone."""


def check(definition: MeasurementDefinition, geometry: Geometry) -> None:
    """Raise where the value must not be given.

    Raises
    ------
    NotMeasurable
        With the code of the first condition that does not hold.
    """
    for condition in definition.condition:
        if condition.optional and condition.quantity not in geometry.quantities:
            continue
        quantity = quantity_of(geometry, condition.quantity)
        met = (
            (not condition.at_least or quantity >= threshold(condition.at_least).value)
            and (not condition.at_most or quantity <= threshold(condition.at_most).value)
            and (not condition.below or quantity < threshold(condition.below).value)
        )
        if not met:
            raise NotMeasurable(condition.code)


def quantity_of(geometry: Geometry, name: str) -> float:
    """The value, or a quantity by name."""
    return geometry.value if name == "value" else geometry.quantities[name]


def verdict(
    decision: Decision, geometry: Geometry, intervals: Mapping[str, Interval], view: View
) -> Verdict:
    """Decide.

    A comparison for one projection speaks where that is known; where it is not, all of them must
    agree.

    Parameters
    ----------
    intervals
        Of ``value`` and of quantities, by name; what is missing is taken as exact.
    """
    spoken = [
        one
        for one in decision.when
        if (one.view is None or view not in (View.PA, View.AP) or one.view == view)
        and (one.quantity == "value" or one.quantity in geometry.quantities)
    ]
    exact = {one.quantity: quantity_of(geometry, one.quantity) for one in spoken}
    points = {name: (value, value) for name, value in exact.items()}
    ranges = {name: intervals.get(name, point) for name, point in points.items()}
    nearest = _combined(decision, spoken, points)
    polarity = _combined(decision, spoken, ranges)
    limits = dict(_limits(spoken))
    return Verdict(
        polarity,
        nearest,
        _category(decision, polarity),
        _category(decision, nearest),
        {name: limit.value for name, limit in limits.items()},
        "; ".join(dict.fromkeys(limit.source for limit in limits.values())),
        tuple(
            dict.fromkeys(
                one.reason
                for one in spoken
                if one.reason and _outcome(one, points[one.quantity]) == "holds"
            )
        ),
    )


def _limits(comparisons: list[Comparison]) -> Iterator[tuple[str, Threshold]]:
    several = len({one.quantity for one in comparisons}) > 1
    for one in comparisons:
        for name in one.limits:
            if several:
                key = f"limit_{name}"
            elif one.low:
                key = "limit_low" if name == one.low else "limit_high"
            else:
                key = f"limit_{one.view.lower()}" if one.view else "limit"
            yield key, threshold(name)


def _category(decision: Decision, polarity: Polarity) -> str:
    return {
        Polarity.PRESENT: decision.present,
        Polarity.ABSENT: decision.absent,
        Polarity.UNCERTAIN: decision.uncertain,
    }[polarity]


def _combined(
    decision: Decision, comparisons: list[Comparison], ranges: Mapping[str, Interval]
) -> Polarity:
    outcomes = {_outcome(one, ranges[one.quantity]) for one in comparisons}
    # Comparisons for two projections are two opinions on one thing, and must agree.
    every = decision.combine == "all" or any(one.view is not None for one in comparisons)
    if outcomes == {"fails"}:
        return Polarity.ABSENT
    if outcomes == {"holds"} or ("holds" in outcomes and not every):
        return Polarity.PRESENT
    return Polarity.UNCERTAIN


def _outcome(comparison: Comparison, interval: Interval) -> _Outcome:
    low, high = interval
    if comparison.from_:
        limit = threshold(comparison.from_).value
        holds, fails = low >= limit, high < limit
    elif comparison.below:
        limit = threshold(comparison.below).value
        holds, fails = high < limit, low >= limit
    else:
        bottom, top = threshold(comparison.low).value, threshold(comparison.high).value
        holds, fails = high < bottom or low > top, bottom <= low and high <= top
    if comparison.fails_below:
        fails = high < threshold(comparison.fails_below).value
    if comparison.fails_at_most:
        fails = high <= threshold(comparison.fails_at_most).value
    if comparison.fails_from:
        fails = low >= threshold(comparison.fails_from).value
    return "holds" if holds else "fails" if fails else "open"
