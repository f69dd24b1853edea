"""Affine maps between films, and grids laid over a thorax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.measure.extent import BoolMask, Extent, extent_of

Plane = NDArray[np.float64]
LUNGS: Final = ("right_lung", "left_lung")
_BESIDE, _ABOVE = 0.15, 0.12
"""Shares of the thorax's width that a frame shows beside the lungs, and above and below them."""
_TALLEST = 3.0
"""Heights over widths of what is framed in full detail: no thorax is taller, but an outline gone
wrong may be a line."""


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """A map of continuous pixel coordinates (x, y) to others."""

    matrix: Plane
    """(2, 3): ``(x', y') = matrix @ (x, y, 1)``."""

    @property
    def inverse(self) -> Affine:
        turned = np.linalg.inv(self.matrix[:, :2])
        return Affine(np.column_stack([turned, -turned @ self.matrix[:, 2]]))

    @property
    def turn_deg(self) -> float:
        """Angle by which it turns, clockwise in the picture."""
        u, _, v = np.linalg.svd(self.matrix[:, :2])
        turn = u @ v
        return float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0])))

    @property
    def scale(self) -> float:
        """Root of the factor by which it changes areas."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def after(self, first: Affine) -> Affine:
        """``first``, and then this."""
        linear = self.matrix[:, :2]
        moved = linear @ first.matrix[:, 2] + self.matrix[:, 2]
        return Affine(np.column_stack([linear @ first.matrix[:, :2], moved]))

    def points(self, x: Plane, y: Plane) -> tuple[Plane, Plane]:
        (a, b, c), (d, e, f) = self.matrix
        return a * x + b * y + c, d * x + e * y + f


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A grid of square cells over the thorax of a film and a little around it."""

    shape: tuple[int, int]
    """(rows, columns)."""
    to_film: Affine
    """From cells to pixels of the film."""

    @property
    def cells(self) -> tuple[Plane, Plane]:
        """(x, y) of the centres of the cells."""
        rows, columns = self.shape
        x, y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
        return x, y


def thorax_of(masks: Mapping[str, BoolMask]) -> Extent:
    """The box around both lungs; neither outline may be empty."""
    one, other = (extent_of(masks[name]) for name in LUNGS)
    return one.union(other)


def frame_over(masks: Mapping[str, BoolMask], width: int) -> Frame:
    """The frame in which the thorax of a film is ``width`` cells wide, or less where it is a line.

    Parameters
    ----------
    masks
        ``right_lung`` and ``left_lung``: (rows, columns) bool, neither empty.
    """
    box = thorax_of(masks)
    pixel = max(box.width, box.height / _TALLEST) / width
    beside, above = _BESIDE * box.width, _ABOVE * box.width
    shape = (
        max(2, round((box.height + 2 * above) / pixel)),
        max(2, round((box.width + 2 * beside) / pixel)),
    )
    corner = box.left - beside, box.top - above
    return Frame(shape, Affine(np.array([[pixel, 0, corner[0]], [0, pixel, corner[1]]])))


def mask_in(frame: Frame, plane: BoolMask, to_film: Affine) -> BoolMask:
    """A film's mask as it lies in a frame: the nearest pixel; False beyond the film.

    Parameters
    ----------
    to_film
        From the frame's cells to the pixels of that film.
    """
    rows, columns = plane.shape
    across, down = to_film.points(*frame.cells)
    inside = (across >= 0) & (across < columns) & (down >= 0) & (down < rows)
    found = np.zeros(frame.shape, dtype=np.bool_)
    found[inside] = plane[down[inside].astype(np.intp), across[inside].astype(np.intp)]
    return found
