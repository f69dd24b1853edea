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


@dataclass(frozen=True, slots=True)
class Curves:
    """Scores as the cells of a map are taken, or shown, from the most important one on."""

    deletion: NDArray[np.float64]
    """(steps + 1,): first the whole tile, last an empty one."""
    insertion: NDArray[np.float64]
    """(steps + 1,): first an empty tile, last the whole one."""

    @property
    def faithfulness(self) -> Faithfulness:
        return Faithfulness(_mean(self.deletion), _mean(self.insertion))


def faithfulness(tile: FloatImage, cells: FloatImage, scorer: Scorer) -> Faithfulness:
    """Follow both curves of one map in :data:`STEPS` steps; as :func:`curves`."""
    return curves(tile, cells, scorer).faithfulness


def curves(
    tile: FloatImage,
    cells: FloatImage,
    scorer: Scorer,
    steps: int = STEPS,
    empty: FloatImage | None = None,
) -> Curves:
    """Both curves of one map.

    Parameters
    ----------
    tile
        (S, S) as the network sees it.
    cells
        (s, s) importance, s a divisor of S.
    scorer
        What the map explains.
    steps
        In which all cells are taken.
    empty
        (S, S) what is seen where nothing is shown; the tile's mean grey without it.
    """
    nothing = tile.mean() if empty is None else empty
    ranks = np.empty(cells.size, dtype=np.int64)
    ranks[np.argsort(-cells, axis=None, kind="stable")] = np.arange(cells.size)
    scale = tile.shape[0] // cells.shape[0]
    order = np.kron(ranks.reshape(cells.shape), np.ones((scale, scale), dtype=np.int64))
    limits = np.linspace(0, cells.size, steps + 1)
    deleted = [np.where(order < limit, nothing, tile) for limit in limits]
    # Both curves meet: one ends with what the other begins with, which is looked at once.
    inserted = [np.where(order < limit, tile, nothing) for limit in limits[1:-1]]
    scores = np.asarray(scorer(np.stack(deleted + inserted).astype(np.float32)), dtype=np.float64)
    deletion, between = np.split(scores, [len(deleted)])
    return Curves(deletion, np.concatenate((deletion[-1:], between, deletion[:1])))


def _mean(curve: NDArray[np.float64]) -> float:
    """Area under a curve over [0, 1]."""
    return float((curve[1:] + curve[:-1]).mean() / 2)
