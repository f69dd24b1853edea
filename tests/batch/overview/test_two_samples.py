"""Differences against worked examples of their sources, and their intervals against the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from cxr_agent.batch.overview.two_samples import compare_shares, compare_values


def test_shares_as_newcombe_has_them() -> None:
    # Newcombe 1998, table II, example (a), method 10: 56/70 against 48/80.
    found = compare_shares(np.array([56, 14]), np.array([48, 32]))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.p == pytest.approx(stats.chi2_contingency([[56, 14], [48, 32]], False).pvalue)


def test_a_rare_kind_is_tested_exactly() -> None:
    found = compare_shares(np.array([3, 97]), np.array([0, 100]))
    assert found.p == pytest.approx(stats.fisher_exact([[3, 97], [0, 100]]).pvalue)


def test_shares_that_are_all_alike_do_not_differ() -> None:
    found = compare_shares(np.array([0, 60, 0]), np.array([0, 90, 0]))
    assert (found.p, found.value, found.psi) == (1.0, 0.0, 0.0)


def test_the_stability_index_by_hand() -> None:
    # Half a study more in each bin: 30.5/101 and 20.5/101, 70.5/101 and 80.5/101.
    found = compare_shares(np.array([30, 70]), np.array([20, 80]))
    by_hand = sum((a - e) / 101 * math.log(a / e) for a, e in ((30.5, 20.5), (70.5, 80.5)))
    assert found.psi == pytest.approx(by_hand)
    assert found.psi_by_chance == pytest.approx(1 / 100 + 1 / 100)


def test_values_that_moved() -> None:
    rng = np.random.default_rng(0)
    found = compare_values(rng.normal(0.55, 0.05, 500), rng.normal(0.5, 0.05, 2000))
    assert found.low < 0.05 < found.high
    assert found.p < 1e-9
    assert found.psi > 0.25
    assert found.ks == pytest.approx(2 * stats.norm.cdf(0.5) - 1, abs=0.06)


def test_a_spread_that_grew_is_seen_although_the_median_stays() -> None:
    rng = np.random.default_rng(0)
    found = compare_values(rng.normal(0, 2, 800), rng.normal(0, 1, 800))
    assert found.low < 0 < found.high
    assert found.p < 1e-6


def test_the_interval_of_the_median_holds_the_truth() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        # Skewed, with a true difference of 0.3.
        found = compare_values(rng.lognormal(0, 0.5, 80) + 0.3, rng.lognormal(0, 0.5, 300))
        held += found.low <= 0.3 <= found.high
    assert 0.91 <= held / 300 <= 0.985


def test_chance_gives_the_stability_index_that_is_said() -> None:
    rng = np.random.default_rng(3)
    found = [compare_values(rng.normal(size=150), rng.normal(size=600)) for _ in range(200)]
    mean = float(np.mean([one.psi for one in found]))
    assert mean == pytest.approx(found[0].psi_by_chance, rel=0.15)


def test_values_with_ties_are_compared() -> None:
    found = compare_values(np.repeat([1.0, 2.0], 40), np.repeat([1.0, 2.0], 400))
    assert found.p == 1.0
    assert found.psi == pytest.approx(0, abs=0.01)
