"""How much two samples differ, and how sure that is. Each method with its source."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from cxr_agent.batch.overview.columns import Floats, Whole

_Z: Final = float(stats.norm.ppf(0.975))
"""Intervals are 95 % intervals."""
_BINS: Final = 10
_SMALLEST_EXPECTED: Final = 5.0
"""Below it a chi-squared test is no good: Cochran WG, Biometrics 1954;10:417-451."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A sample against a reference, with the interval of the difference."""

    value: float
    low: float
    high: float
    p: float
    psi: float
    """Population stability index: sum of (a - e) ln(a / e) over the bins (Siddiqi N, Credit Risk
    Scorecards, 2006, who calls less than 0.1 no, up to 0.25 some, more than that a real shift)."""
    psi_by_chance: float
    """What it is expected to be without any shift, (bins - 1)(1/n + 1/m): Yurdakul B, Naranjo J,
    Journal of Risk Model Validation 2020;14(4)."""
    ks: float | None = None
    """Kolmogorov and Smirnov's largest distance of the two distributions; of numbers only."""


def compare_values(sample: Floats, reference: Floats) -> Difference:
    """Two samples of numbers: (N,) and (M,).

    The difference is that of the medians, in the unit of the values. The p-value is that of the
    two-sample Kolmogorov-Smirnov test (asymptotic), which also sees what leaves the median alone.
    """
    tested = stats.ks_2samp(sample, reference, method="asymp")
    value = float(np.median(sample) - np.median(reference))
    margin = _Z * math.hypot(_median_error(sample), _median_error(reference))
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, _BINS + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, one), minlength=len(edges) + 1) for one in
              (sample, reference)]  # fmt: skip
    psi, by_chance = _psi(counts[0], counts[1])
    return Difference(
        value=value,
        low=value - margin,
        high=value + margin,
        p=min(1.0, float(tested.pvalue)),
        psi=psi,
        psi_by_chance=by_chance,
        ks=float(tested.statistic),
    )


def compare_shares(sample: Whole, reference: Whole) -> Difference:
    """Two samples of one thing out of a few: counts (K,) and (K,), each of at least one study.

    The difference is that of the share of the first kind, with Newcombe's hybrid score interval
    (Statistics in Medicine 1998;17:873-890, method 10). The p-value is that of a chi-squared test
    of all kinds; where one of them is too rare for it, Fisher's exact test of the first kind.
    """
    n, m = int(sample.sum()), int(reference.sum())
    a, b = sample[0] / n, reference[0] / m
    a_low, a_high = _wilson(int(sample[0]), n)
    b_low, b_high = _wilson(int(reference[0]), m)
    psi, by_chance = _psi(sample, reference)
    return Difference(
        value=float(a - b),
        low=float(a - b - math.hypot(a - a_low, b_high - b)),
        high=float(a - b + math.hypot(a_high - a, b - b_low)),
        p=_share_p(sample, reference),
        psi=psi,
        psi_by_chance=by_chance,
    )


def _share_p(sample: Whole, reference: Whole) -> float:
    table = np.stack([sample, reference])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 1.0
    tested = stats.chi2_contingency(table, correction=False)
    if float(np.min(tested.expected_freq)) >= _SMALLEST_EXPECTED:
        return float(tested.pvalue)
    first = np.array([[one[0], one.sum() - one[0]] for one in (sample, reference)])
    return min(1.0, float(stats.fisher_exact(first).pvalue))


def _median_error(values: Floats) -> float:
    """Standard error of a median: Bonett DG, Price RM, Psychological Methods 2002;7:370-383."""
    n = len(values)
    rank = max(1, round((n + 1) / 2 - math.sqrt(n)))
    low, high = np.partition(values, [rank - 1, n - rank])[[rank - 1, n - rank]]
    outside = 2 * float(stats.binom.cdf(rank - 1, n, 0.5))
    z = float(stats.norm.ppf(1 - outside / 2))
    return float(high - low) / (2 * z)


def _wilson(count: int, of: int) -> tuple[float, float]:
    found = stats.binomtest(count, of).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def _psi(sample: Whole, reference: Whole) -> tuple[float, float]:
    """The index of counts (K,), and what chance alone gives; half a study more in each bin, for
    an empty one has no logarithm."""
    used = (sample + reference) > 0
    a, e = sample[used] + 0.5, reference[used] + 0.5
    by_chance = (int(used.sum()) - 1) * (1 / sample.sum() + 1 / reference.sum())
    a, e = a / a.sum(), e / e.sum()
    return float(((a - e) * np.log(a / e)).sum()), float(by_chance)
