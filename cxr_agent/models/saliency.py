"""Whether a map of evidence is true: what the network says when its places are taken or shown.

Deletion and insertion curves (Petsiuk, Das, Saenko: "RISE", BMVC 2018): the cells of a map are
greyed out, or shown on an empty grey film, from the most important one on, and the score is
followed. A map that points to what the network looks at makes it fall fast and rise fast. Grey, not
blurred: a large heart or a white base is still seen on a blurred film, so nothing would fall.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.study import FloatImage

STEPS: Final = 8

Scorer = Callable[[FloatImage], NDArray[np.floating]]
"""Tiles (N, S, S) to one number per tile."""


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Mean of the curves; both lie between 0 and 1 where the scorer's numbers do."""

    deletion: float
    insertion: float

    @property
    def score(self) -> float:
        """Insertion minus deletion: the larger, the truer; about 0 for a map drawn by chance."""
        return self.insertion - self.deletion


def faithfulness(tile: FloatImage, cells: FloatImage, scorer: Scorer) -> Faithfulness:
    """Follow both curves of one map in :data:`STEPS` steps.

    Parameters
    ----------
    tile
        (S, S) as the network sees it.
    cells
        (s, s) importance, s a divisor of S.
    scorer
        What the map explains.
    """
    empty = tile.mean()
    ranks = np.empty(cells.size, dtype=np.int64)
    ranks[np.argsort(-cells, axis=None, kind="stable")] = np.arange(cells.size)
    scale = tile.shape[0] // cells.shape[0]
    order = np.kron(ranks.reshape(cells.shape), np.ones((scale, scale), dtype=np.int64))
    limits = np.linspace(0, cells.size, STEPS + 1)
    deleted = [np.where(order < limit, empty, tile) for limit in limits]
    inserted = [np.where(order < limit, tile, empty) for limit in limits]
    scores = np.asarray(scorer(np.stack(deleted + inserted).astype(np.float32)), dtype=np.float64)
    half = len(deleted)
    return Faithfulness(_mean(scores[:half]), _mean(scores[half:]))


def _mean(curve: NDArray[np.float64]) -> float:
    """Area under a curve over [0, 1]."""
    return float((curve[1:] + curve[:-1]).mean() / 2)
