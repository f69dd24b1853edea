"""How numbers are spread: quantiles, a histogram, and what lies far outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_agent.batch.overview.columns import Floats, Whole

MODIFIED_Z: Final = 3.5
"""Iglewicz B, Hoaglin DC. How to Detect and Handle Outliers. ASQC Quality Press, 1993: a value is
looked at when 0.6745 * |value - median| / MAD is above this."""
_TO_SIGMA: Final = 0.6745
"""0.75 quantile of the normal distribution: makes the MAD of normal values their deviation."""
FEWEST_FOR_OUTLIERS: Final = 20
"""Of fewer values the median and the MAD are too uncertain to call one of them far outside."""
_WHISKERS: Final = 3.0
"""A histogram reaches so many interquartile ranges beyond the quartiles: Tukey's outer fences
(Exploratory Data Analysis, 1977). What lies beyond is counted, or it would squeeze all else."""
_FEWEST_BINS: Final = 8
_MOST_BINS: Final = 40


@dataclass(frozen=True, slots=True)
class Spread:
    """Quantiles of a sample, linearly interpolated; in the sample's unit."""

    n: int
    minimum: float
    p5: float
    q25: float
    median: float
    q75: float
    p95: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in bins of one width from ``low`` to ``high``."""

    low: float
    high: float
    counts: tuple[int, ...]
    below: int
    """Values below ``low``."""
    above: int


@dataclass(frozen=True, slots=True)
class Outliers:
    """Which values of a sample lie far outside."""

    indices: Whole
    """Into the sample, the farthest first."""
    scores: Floats
    """Modified z-score of each."""
    median: float
    mad: float
    note: str = ""
    """Why none could be told; empty where they could."""


def spread_of(values: Floats) -> Spread:
    """Quantiles of (N,) values; there has to be one."""
    low, p5, q25, median, q75, p95, high = np.quantile(values, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1])
    return Spread(
        n=len(values),
        minimum=float(low),
        p5=float(p5),
        q25=float(q25),
        median=float(median),
        q75=float(q75),
        p95=float(p95),
        maximum=float(high),
    )


def histogram_of(values: Floats, spread: Spread) -> Histogram:
    """Counts of (N,) values; the width of the bins follows Freedman and Diaconis (1981)."""
    box = spread.q75 - spread.q25
    low = max(spread.minimum, spread.q25 - _WHISKERS * box)
    high = min(spread.maximum, spread.q75 + _WHISKERS * box)
    if box == 0 or not low < high:  # more than half of them are one value: show all there is
        low, high = spread.minimum, spread.maximum
    if low == high:
        return Histogram(low, high, (len(values),), 0, 0)
    width = 2 * box / len(values) ** (1 / 3)
    wanted = (high - low) / width if width > 0 else _FEWEST_BINS
    bins = int(np.clip(np.ceil(wanted), _FEWEST_BINS, _MOST_BINS))
    counts, _ = np.histogram(values, bins=bins, range=(low, high))
    return Histogram(
        low=low,
        high=high,
        counts=tuple(int(count) for count in counts),
        below=int((values < low).sum()),
        above=int((values > high).sum()),
    )


def outliers_of(values: Floats) -> Outliers:
    """Which of (N,) values lie far outside, by their modified z-score."""
    none = np.zeros(0)
    where = np.zeros(0, dtype=np.int64)
    if len(values) < FEWEST_FOR_OUTLIERS:
        return Outliers(where, none, 0.0, 0.0, f"fewer than {FEWEST_FOR_OUTLIERS} values")
    median = float(np.median(values))
    away = np.abs(values - median)
    mad = float(np.median(away))
    if mad == 0:
        return Outliers(where, none, median, mad, "more than half of the values are the same")
    scores = _TO_SIGMA * (values - median) / mad
    far = np.flatnonzero(np.abs(scores) > MODIFIED_Z)
    order = far[np.argsort(-np.abs(scores[far]), kind="stable")]
    return Outliers(order, scores[order], median, mad)
