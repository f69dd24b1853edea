"""The difference of two ways on the same test films, by resampling patients.

Both ways are weighed with the same draws of patients (a paired bootstrap: Efron and Tibshirani,
1993), so what makes a film hard for both cancels out. Runs of several seeds are averaged within a
draw: the interval is that of the test patients; how far seeds lie apart is told beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.findings.scores import weighted_aucs

DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """Means over seeds, and the 95 % interval of one less the other."""

    one: float
    other: float
    interval: tuple[float, float]
    by_seed: tuple[float, ...]

    @property
    def value(self) -> float:
        return self.one - self.other

    def rounded(self) -> dict[str, float | list[float]]:
        """As it is kept in a file."""
        return {
            "pretrained": round(self.one, 4),
            "other": round(self.other, 4),
            "difference": round(self.value, 4),
            "interval": [round(end, 4) for end in self.interval],
            "difference_by_seed": [round(gap, 4) for gap in self.by_seed],
        }


def drawn(people: Sequence[str], draws: int = DRAWS) -> NDArray[np.int64]:
    """(draws + 1, films): how often each film counts; the first row counts every film once."""
    person = np.unique(np.asarray(people), return_inverse=True)[1]
    count = int(person.max()) + 1
    rng = np.random.default_rng(0)
    times = [np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(draws)]
    return np.stack([np.ones(len(person), dtype=np.int64), *(row[person] for row in times)])


def macro_auc(
    truth: NDArray[np.float32], logits: NDArray[np.float32], weights: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(rows of ``weights``,): mean AUC over the labels that have both classes.

    A label whose few cases are missing from a draw is left out of this draw, for both ways alike.
    """
    areas = [weighted_aucs(truth[:, i], logits[:, i], weights) for i in range(truth.shape[1])]
    whole = np.stack([row for row in areas if not np.isnan(row[0])])
    result: NDArray[np.float64] = np.nanmean(whole, axis=0)
    return result


def weighted_mean(values: NDArray[np.float64], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """(rows of ``weights``,)"""
    result: NDArray[np.float64] = weights @ values / np.maximum(weights.sum(axis=1), 1)
    return result


def difference(
    ones: Sequence[NDArray[np.float64]], others: Sequence[NDArray[np.float64]]
) -> Difference:
    """Of two ways, each with one array per seed: its first value is the figure, the rest draws."""
    gaps = np.stack(ones) - np.stack(others)
    low, high = np.percentile(gaps.mean(axis=0)[1:], (2.5, 97.5))
    return Difference(
        one=float(np.mean([row[0] for row in ones])),
        other=float(np.mean([row[0] for row in others])),
        interval=(float(low), float(high)),
        by_seed=tuple(float(gap) for gap in gaps[:, 0]),
    )
