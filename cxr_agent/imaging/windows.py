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


def runs(plane: BoolMask, length: int, axis: int) -> BoolMask:
    """The pixels that lie in a straight run of at least ``length`` along an axis."""
    if length > plane.shape[axis]:
        return np.zeros_like(plane)
    begins = _windowed(plane, length, axis, np.minimum)
    found: BoolMask = _windowed(_padded(begins, length - 1, axis), length, axis, np.maximum)
    return found


def _within(plane: Any, size: int, axis: int | None, better: Any) -> Any:
    for one in (0, 1) if axis is None else (axis,):
        plane = _windowed(_padded(plane, size // 2, one, mode="edge"), size, one, better)
    return plane


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
