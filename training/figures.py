"""Figures for model cards: a mean or a share with its 95 % interval."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from cxr_agent.models.card import Figure


def bootstrap(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of the mean, by resampling films."""
    rng = np.random.default_rng(0)
    means = np.array([rng.choice(values, len(values)).mean() for _ in range(1000)])
    low, high = np.percentile(means, (2.5, 97.5))
    return round(float(low), 4), round(float(high), 4)


def share(data: str, metric: str, hits: NDArray[np.float64], structure: str = "") -> Figure:
    """A share of films, or a mean over them."""
    return Figure(
        data=data,
        films=len(hits),
        metric=metric,
        structure=structure,
        value=round(float(hits.mean()), 4),
        interval=bootstrap(hits),
    )


def balanced(
    data: str,
    metric: str,
    truth: NDArray[np.int64],
    said: NDArray[np.int64],
    structure: str = "",
) -> Figure:
    """Balanced accuracy: the mean over classes of the share that is recognised."""
    rng = np.random.default_rng(0)
    hits = [(said[truth == c] == c).astype(np.float64) for c in np.unique(truth)]
    draws = [np.mean([rng.choice(h, len(h)).mean() for h in hits]) for _ in range(1000)]
    low, high = np.percentile(draws, (2.5, 97.5))
    return Figure(
        data=data,
        films=len(truth),
        metric=metric,
        structure=structure,
        value=round(float(np.mean([h.mean() for h in hits])), 4),
        interval=(round(float(low), 4), round(float(high), 4)),
    )


def show(figures: Iterable[Figure]) -> None:
    """Print them, one a line."""
    for f in figures:
        print(f"{f.value:.4f} {f.interval} n={f.films} | {f.metric} | {f.structure} | {f.data}")
