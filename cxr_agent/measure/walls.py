"""Where an upright tube (trachea, aorta) is bounded on both sides, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_agent.measure.extent import BoolMask, extent_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Walls:
    """The rows of an outline that hold any of it, from the head down; all arrays are as long."""

    rows: NDArray[np.int64]
    left: Floats
    """Picture's left edge of the left-most pixel: the wall on the patient's right."""
    right: Floats
    """Picture's right edge of the right-most pixel: the wall on the patient's left."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def top(self) -> int:
        """Upper edge of the first row."""
        return int(self.rows[0])

    @property
    def bottom(self) -> int:
        """Lower edge of the last row."""
        return int(self.rows[-1]) + 1

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def widths(self) -> Floats:
        return self.right - self.left

    def where(self, chosen: Any) -> Walls:
        """Some of the rows: a mask over them, or a slice."""
        return Walls(self.rows[chosen], self.left[chosen], self.right[chosen])

    def above(self, y: float) -> Walls:
        """The rows whose centre lies above a height."""
        return self.where(self.rows + 0.5 < y)

    def below(self, y: float) -> Walls:
        """The rows whose centre lies at a height or below it."""
        return self.where(self.rows + 0.5 >= y)

    def unbroken(self) -> Walls:
        """The longest run of rows without a gap; the upper one of equals."""
        runs = np.split(np.arange(len(self)), np.flatnonzero(np.diff(self.rows) > 1) + 1)
        return self.where(max(runs, key=len))


def walls(mask: BoolMask) -> Walls:
    """The walls of an outline that is not empty.

    Raises
    ------
    ValueError
        When it is.
    """
    box = extent_of(mask)
    part = mask[box.top : box.bottom, box.left : box.right]
    held = part.any(axis=1)
    return Walls(
        np.flatnonzero(held) + box.top,
        part.argmax(axis=1)[held] + float(box.left),
        box.right - part[:, ::-1].argmax(axis=1)[held].astype(np.float64),
    )
