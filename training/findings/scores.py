"""Figures of a classifier: AUC with its interval, calibration, thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32] | NDArray[np.float64]


def _known(truth: Numbers, score: Numbers) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    known = ~np.isnan(truth)
    return truth[known] == 1, np.asarray(score[known], dtype=np.float64)


class _Ranked:
    """Films in the order of their scores, for the area under the ROC curve."""

    def __init__(self, positive: NDArray[np.bool_], score: NDArray[np.float64]) -> None:
        self.order = np.argsort(score, kind="stable")
        self._positive = positive[self.order]
        # Where each run of equal scores starts: half of such pairs count as won.
        self._starts = np.unique(score[self.order], return_index=True)[1]

    def area(self, weight: NDArray[np.int64]) -> float:
        """The share of pairs that are in order (Mann and Whitney, 1947), each film as often as
        its weight, in the order of :attr:`order`; NaN where one class is missing."""
        here = np.add.reduceat(np.where(self._positive, weight, 0), self._starts)
        others = np.add.reduceat(np.where(self._positive, 0, weight), self._starts)
        below = np.cumsum(others) - others
        pairs = float(here.sum()) * float(others.sum())
        return float((here * (below + others / 2)).sum()) / pairs if pairs else float("nan")


def auc(truth: Numbers, score: Numbers) -> float:
    """Area under the ROC curve; NaN where one class is missing."""
    positive, values = _known(truth, score)
    if not len(values):
        return float("nan")
    return _Ranked(positive, values).area(np.ones(len(values), dtype=np.int64))


def auc_interval(
    truth: Numbers, score: Numbers, people: NDArray[np.int64], *, draws: int = 1000
) -> tuple[float, float]:
    """95 % interval by resampling patients, not films: the films of one are alike.

    A drawn patient counts as often as it was drawn, so films are weighted and never copied.
    """
    rng = np.random.default_rng(0)
    ranked = _Ranked(*_known(truth, score))
    person = np.unique(people[~np.isnan(truth)], return_inverse=True)[1][ranked.order]
    count = int(person.max()) + 1
    areas = [
        ranked.area(np.bincount(rng.integers(count, size=count), minlength=count)[person])
        for _ in range(draws)
    ]
    low, high = np.nanpercentile(areas, (2.5, 97.5))
    return float(low), float(high)


def weighted_aucs(
    truth: Numbers, score: Numbers, weights: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(draws,): the area with each film as often as its weight, a row of (draws, films) each."""
    ranked = _Ranked(*_known(truth, score))
    rows = weights[:, ~np.isnan(truth)][:, ranked.order]
    return np.array([ranked.area(row) for row in rows])


@dataclass(frozen=True, slots=True)
class Platt:
    """Probability = 1 / (1 + exp(-(scale * logit + offset))) (Platt, 1999)."""

    scale: float
    offset: float

    def probability(self, logits: Numbers) -> NDArray[np.float64]:
        return 1 / (1 + np.exp(-(self.scale * np.asarray(logits, np.float64) + self.offset)))


def calibrate(truth: Numbers, logits: Numbers) -> Platt:
    """Fit on the calibration split: a temperature, and an offset for the sampling of training.

    Platt's targets, which keep away from 0 and 1 by the number of films, guard small splits.
    """
    from scipy.optimize import minimize

    positive, values = _known(truth, logits)
    count = int(positive.sum())
    others = len(positive) - count
    target = np.where(positive, (count + 1) / (count + 2), 1 / (others + 2))

    def loss(terms: NDArray[np.float64]) -> float:
        z = np.exp(terms[0]) * values + terms[1]
        return float(np.mean(np.logaddexp(0, z) - target * z))

    scale, offset = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return Platt(float(np.exp(scale)), float(offset))


def calibration_error(truth: Numbers, probability: Numbers, bins: int = 10) -> float:
    """Expected calibration error over bins of equal count (Naeini et al., 2015)."""
    positive, values = _known(truth, probability)
    order = np.array_split(np.argsort(values), min(bins, len(values)))
    gaps = [abs(positive[rows].mean() - values[rows].mean()) * len(rows) for rows in order]
    return float(sum(gaps) / len(values))


def threshold_at_specificity(truth: Numbers, probability: Numbers, wanted: float) -> float:
    """The lowest limit at or above which at most ``1 - wanted`` of the negatives lie.

    It is one of their own scores, or just above all of them where none of these will do.
    """
    positive, values = _known(truth, probability)
    negatives = np.sort(values[~positive])
    below = negatives[-1 - _spared(len(negatives), wanted)]
    above = negatives[negatives > below]
    return float(above[0] if above.size else np.nextafter(below, np.inf))


def threshold_at_sensitivity(truth: Numbers, probability: Numbers, wanted: float) -> float:
    """The highest limit at or above which at least ``wanted`` of the positives lie."""
    positive, values = _known(truth, probability)
    positives = np.sort(values[positive])
    return float(positives[_spared(len(positives), wanted)])


def _spared(count: int, wanted: float) -> int:
    """How many of ``count`` may be on the wrong side."""
    return int((1 - wanted) * count + 1e-9)  # 1 - 0.9 is a little less than 0.1


def sensitivity(truth: Numbers, probability: Numbers, limit: float) -> float:
    positive, values = _known(truth, probability)
    return float((values[positive] >= limit).mean())


def specificity(truth: Numbers, probability: Numbers, limit: float) -> float:
    positive, values = _known(truth, probability)
    return float((values[~positive] < limit).mean())
