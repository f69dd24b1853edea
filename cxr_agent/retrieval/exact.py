"""Exact search: every vector is looked at. The reference for whatever is faster."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cxr_agent.study import FloatImage

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


def nearest(
    query: FloatImage,
    numbers: Numbers,
    vectors: FloatImage,
    k: int,
    allowed: Callable[[int], bool],
) -> list[tuple[int, float]]:
    """The ``k`` nearest films that are allowed: number and cosine distance, nearest first.

    Parameters
    ----------
    query
        (dimensions,), of unit length.
    numbers
        (N,) in ascending order; of equal distances the lower number comes first.
    vectors
        (N, dimensions), of unit length.
    """
    if not len(numbers):
        return []
    likeness = vectors @ query
    found: list[tuple[int, float]] = []
    reach = min(len(numbers), 4 * k)
    while True:
        nearest_first = _first(likeness, reach)
        found = [
            (int(numbers[place]), max(0.0, float(1 - likeness[place])))
            for place in nearest_first
            if allowed(int(numbers[place]))
        ][:k]
        if len(found) == k or reach == len(numbers):
            return found
        reach = min(len(numbers), 4 * reach)


def _first(likeness: FloatImage, reach: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Places of the ``reach`` most alike, most alike first."""
    places = (
        np.argpartition(-likeness, reach - 1)[:reach]
        if reach < len(likeness)
        else np.arange(len(likeness))
    )
    return places[np.lexsort((places, -likeness[places]))]
