"""Turning a picture, and the spacing that belongs to it, the right way round, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_agent.imaging.header_rules import Flip
from cxr_agent.imaging.presentation import Indices
from cxr_agent.study import PixelSpacing


def turn(picture: Indices, flip: Flip) -> Indices:
    """``picture`` after ``flip``, in C order; the same array when there is nothing to do."""
    transpose, mirror, upside_down = flip.value
    turned: Any = picture.T if transpose else picture
    if mirror:
        turned = turned[:, ::-1]
    if upside_down:
        turned = turned[::-1]
    result: Indices = np.ascontiguousarray(turned)
    return result


def turn_spacing(spacing: PixelSpacing | None, flip: Flip) -> PixelSpacing | None:
    """The spacing after ``flip``: a transposition swaps rows and columns."""
    if spacing is None or not flip.transposes:
        return spacing
    return PixelSpacing(spacing.column_mm, spacing.row_mm, spacing.kind)


def turn_back(plane: NDArray[Any], flip: Flip) -> NDArray[Any]:
    """A plane of a turned film as it lies over the pixels that are stored, in C order."""
    transpose, mirror, upside_down = flip.value
    turned = plane
    if upside_down:
        turned = turned[::-1]
    if mirror:
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned.T if transpose else turned)


def points_turned_back(
    points: Iterable[tuple[float, float]], shape: tuple[int, int], flip: Flip
) -> tuple[tuple[float, float], ...]:
    """Points of a turned film over the pixels that are stored.

    Parameters
    ----------
    points
        (x, y) with the outer corner of the first pixel at (0, 0) and of the last one at (columns,
        rows).
    shape
        (rows, columns) of the turned film.
    """
    transpose, mirror, upside_down = flip.value
    rows, columns = shape
    back = ((columns - x if mirror else x, rows - y if upside_down else y) for x, y in points)
    return tuple((y, x) if transpose else (x, y) for x, y in back)
