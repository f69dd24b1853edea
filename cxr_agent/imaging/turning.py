"""Turning a picture, and the spacing that belongs to it, the right way round."""

from __future__ import annotations

from typing import Any

import numpy as np

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
