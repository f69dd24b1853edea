"""Whether probabilities mean what they say.

References
----------
DeGroot and Fienberg, "The comparison and evaluation of forecasters", 1983 (reliability diagram).
Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015 (ECE).
Brier, "Verification of forecasts expressed in terms of probability", 1950; its parts after Murphy,
"A new vector partition of the probability score", 1973.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from cxr_agent.evaluation.metrics.shares import Share, share

BINS: Final = 10
Binning = Literal["width", "mass"]
"""Bins of equal width in [0, 1], or of equally many cases: rare findings are all in the first bin
of equal width."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReliabilityBin(_Part):
    """Cases with about the same probability."""

    low: float
    high: float
    """Lowest and highest probability that belongs here; of ``mass``, that is here."""
    cases: int
    probability: float
    """Mean."""
    observed: Share
    """Cases in which it was so."""


class Reliability(_Part):
    """Probabilities against what was so."""

    cases: int
    positives: int
    binning: Binning
    bins: tuple[ReliabilityBin, ...]
    """Those that hold a case, in order."""
    expected_error: float
    """ECE: mean distance of probability and observed share over the bins, by cases."""
    largest_error: float
    """MCE: the largest such distance."""
    brier: float
    """Mean square distance of probability and truth, 0 to 1; 0 is best."""
    brier_of_base_rate: float
    """That of who always says the share of positives."""
    resolution: float
    """How far the observed shares of the bins lie from that share: larger is better."""

    @property
    def brier_skill(self) -> float | None:
        """1 is perfect, 0 as good as the base rate; None where there is one class alone."""
        if not self.brier_of_base_rate:
            return None
        return 1 - self.brier / self.brier_of_base_rate


def reliability(
    probabilities: ArrayLike, truths: ArrayLike, *, bins: int = BINS, binning: Binning = "width"
) -> Reliability:
    """Bin probabilities and compare them with what was so.

    Parameters
    ----------
    probabilities
        (N,) in [0, 1].
    truths
        (N,) bool.
    bins
        At most so many.

    Raises
    ------
    ValueError
        When there is no case, lengths differ, or a probability is none.
    """
    stated = np.asarray(probabilities, dtype=np.float64)
    true = np.asarray(truths, dtype=np.bool_)
    if stated.ndim != 1 or stated.shape != true.shape or not stated.size:
        raise ValueError("probabilities and truths are two lists of the same length, not empty")
    if not ((stated >= 0) & (stated <= 1)).all():
        raise ValueError("a probability lies in [0, 1]")
    places = _places(stated, bins, binning)
    found = tuple(_bin(stated, true, places == place, bins, binning) for place in np.unique(places))
    rate = float(true.mean())
    gaps = [abs(one.probability - (one.observed.value or 0.0)) for one in found]
    weights = [one.cases / stated.size for one in found]
    return Reliability(
        cases=stated.size,
        positives=int(true.sum()),
        binning=binning,
        bins=found,
        expected_error=float(np.dot(gaps, weights)),
        largest_error=max(gaps),
        brier=float(((stated - true) ** 2).mean()),
        brier_of_base_rate=rate * (1 - rate),
        resolution=float(
            np.dot([((one.observed.value or 0.0) - rate) ** 2 for one in found], weights)
        ),
    )


def _places(stated: NDArray[np.float64], bins: int, binning: Binning) -> NDArray[np.int64]:
    """(N,) the bin of each case; equal probabilities are never in two bins."""
    if binning == "width":
        return np.minimum((stated * bins).astype(np.int64), bins - 1)
    ordered = np.sort(stated)
    last = stated.size - 1
    edges = ordered[[min(last, round(stated.size * part / bins)) for part in range(1, bins)]]
    return np.searchsorted(edges, stated, side="right")


def _bin(
    stated: NDArray[np.float64],
    true: NDArray[np.bool_],
    here: NDArray[np.bool_],
    bins: int,
    binning: Binning,
) -> ReliabilityBin:
    inside = stated[here]
    low, high = float(inside.min()), float(inside.max())
    if binning == "width":
        place = min(int(low * bins), bins - 1)
        low, high = place / bins, (place + 1) / bins
    return ReliabilityBin(
        low=low,
        high=high,
        cases=int(inside.size),
        probability=float(inside.mean()),
        observed=share(int(true[here].sum()), int(inside.size)),
    )
