"""Whether a map of evidence is true: what the network says when its places are taken or shown.

Deletion and insertion curves (Petsiuk, Das, Saenko: "RISE", BMVC 2018): the cells of a map are
blurred, or shown on a blurred film, from the most important one on, and the probability is
followed. A map that points to what the network looks at makes it fall fast and rise fast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.study import FloatImage

STEPS: Final = 8
_BLUR: Final = 0.08
"""Standard deviation of the blur as a share of the tile's side: detail goes, greys stay."""

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
    from scipy import ndimage

    blurred = ndimage.gaussian_filter(tile, _BLUR * tile.shape[0])
    ranks = np.empty(cells.size, dtype=np.int64)
    ranks[np.argsort(-cells, axis=None, kind="stable")] = np.arange(cells.size)
    scale = tile.shape[0] // cells.shape[0]
    order = np.kron(ranks.reshape(cells.shape), np.ones((scale, scale), dtype=np.int64))
    limits = np.linspace(0, cells.size, STEPS + 1)
    deleted = [np.where(order < limit, blurred, tile) for limit in limits]
    inserted = [np.where(order < limit, tile, blurred) for limit in limits]
    scores = np.asarray(scorer(np.stack(deleted + inserted).astype(np.float32)), dtype=np.float64)
    half = len(deleted)
    return Faithfulness(_mean(scores[:half]), _mean(scores[half:]))


def _mean(curve: NDArray[np.float64]) -> float:
    """Area under a curve over [0, 1]."""
    return float((curve[1:] + curve[:-1]).mean() / 2)
