"""Bounding boxes of masks, the base of most ratios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_agent.boxes import box_around
from cxr_agent.kept import kept_with_array

BoolMask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Extent:
    """A bounding box in pixels: left and top inclusive, right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom)."""
        return self.left, self.top, self.right, self.bottom

    def union(self, other: Extent) -> Extent:
        """The smallest box around both."""
        return Extent(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


@kept_with_array
def extent(mask: BoolMask) -> Extent | None:
    """Bounding box of a mask; None for an empty one."""
    box = box_around(mask)
    if box is None:
        return None
    rows, columns = box
    return Extent(columns.start, rows.start, columns.stop, rows.stop)


def extent_of(mask: BoolMask) -> Extent:
    """As :func:`extent`, of a mask that is not empty.

    Raises
    ------
    ValueError
        When it is.
    """
    found = extent(mask)
    if found is None:
        raise ValueError("an outline of a scene is never empty")
    return found


def lung_height_ratio(right: BoolMask, left: BoolMask) -> float | None:
    """Mean height of the lungs over the width of the thorax: a stand-in for inspiration.

    None where one of the outlines is empty.
    """
    one, other = extent(right), extent(left)
    if one is None or other is None:
        return None
    return (one.height + other.height) / 2 / one.union(other).width


def row_of_column(mask: BoolMask, column: int) -> float:
    """Mean height of the mask's pixels in one column, for the height of a drawn line."""
    return float(np.flatnonzero(mask[:, column]).mean()) + 0.5
