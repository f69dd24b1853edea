"""Largest and least values within a square around each pixel, and straight runs.

What SciPy's filters give, by taking the maximum of ever larger steps: whole planes at a time, some
twenty times as fast for the sizes that are used here.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Plane = TypeVar("Plane", bound=NDArray[Any])
BoolMask = NDArray[np.bool_]


def most_within(plane: Plane, size: int, axis: int | None = None) -> Plane:
    """The largest value within ``size`` pixels, an odd number, around each.

    Parameters
    ----------
    plane
        (rows, columns). What is beyond its border does not count.
    axis
        0 to look along columns alone, 1 along rows; else both.
    """
    most: Plane = _within(plane, size, axis, np.maximum)
    return most


def least_within(plane: Plane, size: int, axis: int | None = None) -> Plane:
    """As :func:`most_within`, the least value."""
    least: Plane = _within(plane, size, axis, np.minimum)
    return least


def spread_within(plane: Plane, size: int) -> Plane:
    """Largest less least value within the square around each pixel, see :func:`most_within`."""
    around = np.pad(plane, size // 2, mode="edge")  # once for both
    most, least = (_squares(around, size, better) for better in (np.maximum, np.minimum))
    spread: Plane = most - least
    return spread


def runs(plane: BoolMask, length: int, axis: int) -> BoolMask:
    """The pixels that lie in a straight run of at least ``length`` along an axis."""
    # Without so many pixels a row has no run: most have not, and summed as bytes that is soon told.
    kept = plane.view(np.uint8).sum(axis=axis, dtype=np.uint16) >= length
    found = np.zeros_like(plane)
    if kept.any():
        chosen = (kept, slice(None)) if axis else (slice(None), kept)
        begins = _windowed(plane[chosen], length, axis, np.minimum)
        found[chosen] = _windowed(_padded(begins, length - 1, axis), length, axis, np.maximum)
    return found


def _within(plane: Any, size: int, axis: int | None, better: Any) -> Any:
    if axis is None:
        return _squares(np.pad(plane, size // 2, mode="edge"), size, better)
    return _windowed(_padded(plane, size // 2, axis, mode="edge"), size, axis, better)


def _squares(plane: Any, size: int, better: Any) -> Any:
    """The best of each square of ``size`` times ``size``: so many fewer than there were."""
    return _windowed(_windowed(plane, size, 0, better), size, 1, better)


def _padded(plane: Any, width: int, axis: int, **how: Any) -> Any:
    return np.pad(plane, [(width, width) if one == axis else (0, 0) for one in (0, 1)], **how)


def _windowed(plane: Any, size: int, axis: int, better: Any) -> Any:
    """The best of each ``size`` neighbours along an axis: so many fewer than there were."""
    reached = 1
    while reached < size:
        step = min(reached, size - reached)
        if axis:
            plane = better(plane[:, :-step], plane[:, step:])
        else:
            plane = better(plane[:-step], plane[step:])
        reached += step
    return plane
