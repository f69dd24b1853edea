"""What a change amounts to: by its size, its repeatability and its interval."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.compare.change import difference_interval, log_odds, relation, shifted
from cxr_agent.evidence import Change
from tests.compare.films import EXCHANGED

VALUES = st.floats(-1e3, 1e3)
LIMITS = st.floats(0, 1e3)
HALVES = st.floats(0, 1e3)
INSIDE = st.floats(1e-6, 1 - 1e-6)
DEVIATIONS = st.tuples(st.floats(-50, 0), st.floats(0, 50))


@given(VALUES, LIMITS, HALVES, HALVES)
def test_it_counts_beyond_the_repeatability_and_with_an_interval_clear_of_nought(
    change: float, limit: float, below: float, above: float
) -> None:
    interval = change - below, change + above
    beyond = abs(change) > limit and (interval[0] > 0 or interval[1] < 0)
    expected = Change.WORSENED if change > 0 else Change.IMPROVED
    assert relation(change, limit, interval) is (expected if beyond else Change.NO_CHANGE)


@given(VALUES, LIMITS)
def test_without_an_interval_the_repeatability_decides(change: float, limit: float) -> None:
    assert (relation(change, limit, None) is Change.NO_CHANGE) is (abs(change) <= limit)


@given(VALUES, LIMITS, HALVES, HALVES)
def test_exchanged_films_have_the_exchanged_relation(
    change: float, limit: float, below: float, above: float
) -> None:
    there = relation(change, limit, (change - below, change + above))
    back = relation(-change, limit, (-change - above, -change + below))
    assert back is EXCHANGED[there]


@given(VALUES, LIMITS, LIMITS)
def test_a_larger_repeatability_never_makes_a_change(
    change: float, limit: float, more: float
) -> None:
    if relation(change, limit, None) is Change.NO_CHANGE:
        assert relation(change, limit + more, None) is Change.NO_CHANGE


@pytest.mark.parametrize("change", [0.09, -0.09])
def test_the_repeatability_itself_is_no_change(change: float) -> None:
    assert relation(change, 0.09, None) is Change.NO_CHANGE
    assert relation(change * 1.0001, 0.09, None) is not Change.NO_CHANGE


@given(VALUES, DEVIATIONS, DEVIATIONS)
def test_the_interval_of_a_difference(
    change: float, current: tuple[float, float], prior: tuple[float, float]
) -> None:
    low, high = difference_interval(change, current, prior)
    assert low <= change <= high
    # Never narrower than that of either value, never wider than both together.
    for end, ends in (
        (change - low, (current[0], prior[1])),
        (high - change, (current[1], prior[0])),
    ):
        assert max(map(abs, ends)) - 1e-9 <= end <= sum(map(abs, ends)) + 1e-9
    swapped = difference_interval(-change, prior, current)
    assert swapped == (-high, -low)


def test_an_interval_by_hand() -> None:
    assert difference_interval(1.0, (-3.0, 0.3), (-0.4, 4.0)) == (1 - 5.0, 1 + 0.5)


@given(INSIDE, st.floats(-5, 5))
def test_log_odds_are_shifted(probability: float, by: float) -> None:
    there = shifted(probability, by)
    assert 0 <= there <= 1
    assert log_odds(there) == pytest.approx(log_odds(probability) + by, abs=1e-4)


@given(INSIDE, INSIDE)
def test_log_odds_keep_the_order_and_are_symmetric(one: float, other: float) -> None:
    if other - one > 1e-9:
        assert log_odds(one) < log_odds(other)
    assert log_odds(one) == pytest.approx(-log_odds(1 - one), abs=1e-6)


def test_certainty_has_finite_odds() -> None:
    assert log_odds(0.0) == pytest.approx(-log_odds(1.0))
    assert math.isfinite(log_odds(0.0))
    assert log_odds(0.5) == 0
