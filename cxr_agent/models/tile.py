"""From a film of any shape to the square tile a network sees, and back.

Training and reading share this module, so a network is never fed anything that it was not
trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from cxr_agent.kept import kept_with_array
from cxr_agent.study import FloatImage

_LOW_PERCENT = 0.5
_HIGH_PERCENT = 99.5
_FLAT = 1e-4


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a film lies on its tile; all lengths in pixels."""

    film_shape: tuple[int, int]
    size: int
    """Side of the square tile."""
    top: int
    left: int
    rows: int
    columns: int
    """Rows and columns of the tile that the film covers."""

    def restore(self, plane: FloatImage) -> FloatImage:
        """Bring one (size, size) plane back to the film's own (rows, columns), bilinearly."""
        inside = plane[self.top : self.top + self.rows, self.left : self.left + self.columns]
        rows, columns = self.film_shape
        return resized(np.ascontiguousarray(inside, dtype=np.float32), rows, columns)

    def restore_above(self, plane: FloatImage, level: float) -> NDArray[np.bool_]:
        """``restore(plane) > level``, worked out only around where the plane is above ``level``.

        Bilinear weights add up to one, so nothing beyond a pixel of that can be above it. On a
        film of four megapixels this is most of the work of an outline.
        """
        found = np.zeros(self.film_shape, dtype=np.bool_)
        inside = plane[self.top : self.top + self.rows, self.left : self.left + self.columns]
        above = inside > level
        if not above.any():
            return found
        top, bottom = self._reach(np.flatnonzero(above.any(axis=1)), 0)
        left, right = self._reach(np.flatnonzero(above.any(axis=0)), 1)
        across, down = self.columns / self.film_shape[1], self.rows / self.film_shape[0]
        picture = PillowImage.fromarray(np.ascontiguousarray(inside, dtype=np.float32))
        part = picture.resize(
            (right - left, bottom - top),
            PillowImage.Resampling.BILINEAR,
            box=(left * across, top * down, right * across, bottom * down),
        )
        found[top:bottom, left:right] = np.asarray(part) > level
        return found

    def _reach(self, touched: NDArray[np.intp], axis: int) -> tuple[int, int]:
        """Film rows or columns, from and up to, that the ``touched`` ones of the tile can reach."""
        tile = (self.rows, self.columns)[axis]
        scale = self.film_shape[axis] / tile
        first, last = max(0, int(touched[0]) - 2), min(tile, int(touched[-1]) + 3)
        return int(first * scale), min(self.film_shape[axis], int(np.ceil(last * scale)))


def place(shape: tuple[int, int], size: int) -> Placement:
    """Centre a film of ``shape`` on a square of side ``size``, keeping its aspect ratio."""
    longest = max(shape)
    rows = max(1, round(shape[0] * size / longest))
    columns = max(1, round(shape[1] * size / longest))
    return Placement(shape, size, (size - rows) // 2, (size - columns) // 2, rows, columns)


def make_tile(pixels: FloatImage, size: int) -> tuple[FloatImage, Placement]:
    """Scale, centre and standardise a film.

    Parameters
    ----------
    pixels
        (rows, columns) float32 in any range.
    size
        Side of the tile.

    Returns
    -------
    tile : (size, size) float32
        Standardised over the film; the margin is what black is there.
    placement : Placement
        The way back.
    """
    placement = place((int(pixels.shape[0]), int(pixels.shape[1])), size)
    return framed(content(pixels, placement), placement), placement


@kept_with_array
def content(pixels: FloatImage, placement: Placement) -> FloatImage:
    """The film as it lies on its tile: (rows, columns) of the placement, in [0, 1]; read-only."""
    small = stretch(resized(pixels, placement.rows, placement.columns))
    small.setflags(write=False)
    return small


def framed(small: FloatImage, placement: Placement) -> FloatImage:
    """A film's content standardised and put in its place on a tile of (size, size)."""
    size = placement.size
    mean, spread = standard_terms(small)
    tile = np.full((size, size), (0 - mean) / spread, dtype=np.float32)
    tile[
        placement.top : placement.top + placement.rows,
        placement.left : placement.left + placement.columns,
    ] = (small - mean) / spread
    return tile


def stretch(plane: FloatImage) -> FloatImage:
    """A film's greys brought to [0, 1], but for the darkest and brightest 0.5 % of its pixels."""
    low, high = np.percentile(plane, (_LOW_PERCENT, _HIGH_PERCENT))
    stretched: FloatImage = np.clip((plane - low) / max(float(high - low), _FLAT), 0, 1)
    return stretched


def standard_terms(content: NDArray[np.float32]) -> tuple[float, float]:
    """Mean and spread of a film's own pixels in [0, 1]."""
    return float(content.mean()), max(float(content.std()), 0.02)


def resized(plane: FloatImage, rows: int, columns: int) -> FloatImage:
    """Bilinear, averaging where it shrinks."""
    if plane.shape == (rows, columns):
        return plane.astype(np.float32)
    picture = PillowImage.fromarray(plane.astype(np.float32))
    other = picture.resize((columns, rows), PillowImage.Resampling.BILINEAR)
    return np.asarray(other, dtype=np.float32)
