"""Quantiles, histograms, and what lies far outside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.batch.overview.distributions import histogram_of, outliers_of, spread_of

NUMBERS = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=200)


def test_quantiles_of_a_known_sample() -> None:
    spread = spread_of(np.arange(101, dtype=float))
    assert (spread.n, spread.minimum, spread.maximum) == (101, 0, 100)
    assert (spread.p5, spread.q25, spread.median, spread.q75, spread.p95) == (5, 25, 50, 75, 95)


@given(NUMBERS)
def test_a_histogram_counts_every_value_once(numbers: list[float]) -> None:
    values = np.array(numbers)
    found = histogram_of(values, spread_of(values))
    assert sum(found.counts) + found.below + found.above == len(values)
    assert len(found.counts) <= 40
    assert found.low <= found.high


def test_a_value_far_away_does_not_squeeze_the_others() -> None:
    values = np.append(np.random.default_rng(0).normal(0.5, 0.05, 999), 1e9)
    found = histogram_of(values, spread_of(values))
    assert found.above == 1
    assert found.high < 1


def test_what_lies_outside_is_told_the_farthest_first() -> None:
    # Median 20, MAD 10: 0.6745 * 60 / 10 = 4.0, and 52 gives 2.2.
    values = np.array([*range(41), 80, 52, -200], dtype=float)
    found = outliers_of(values)
    assert found.median == np.median(values)
    assert values[found.indices].tolist() == [-200, 80]
    assert found.scores[1] == pytest.approx(0.6745 * (80 - found.median) / found.mad)


def test_where_outliers_cannot_be_told_it_is_said_why() -> None:
    few = outliers_of(np.array([1.0, 2, 900]))
    same = outliers_of(np.array([1.0] * 30 + [5]))
    assert len(few.indices) == len(same.indices) == 0
    assert "fewer than 20" in few.note
    assert "the same" in same.note


def test_normal_values_hardly_ever_lie_outside() -> None:
    values = np.random.default_rng(1).normal(size=10_000)
    assert len(outliers_of(values).indices) < 15  # 4.7 are expected beyond 3.5 deviations
