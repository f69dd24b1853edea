"""Turning a picture, and the spacing that belongs to it, the right way round."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cxr_agent.imaging.header_rules import Flip
from cxr_agent.study import PixelSpacing

_Number = TypeVar("_Number", bound=np.generic)


def turn(picture: NDArray[_Number], flip: Flip) -> NDArray[_Number]:
    """``picture`` after ``flip``, in C order; the same array when there is nothing to do."""
    transpose, mirror, upside_down = flip.value
    if transpose:
        picture = picture.T
    if mirror:
        picture = picture[:, ::-1]
    if upside_down:
        picture = picture[::-1]
    return np.ascontiguousarray(picture)


def turn_spacing(spacing: PixelSpacing | None, flip: Flip) -> PixelSpacing | None:
    """The spacing after ``flip``: a transposition swaps rows and columns."""
    if spacing is None or not flip.transposes:
        return spacing
    return PixelSpacing(spacing.column_mm, spacing.row_mm, spacing.kind)
