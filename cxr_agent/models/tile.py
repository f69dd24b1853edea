"""From a film of any shape to the square tile a network sees, and back.

Training and reading share this module, so a network is never fed anything that it was not
trained on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from cxr_agent.boxes import box_around
from cxr_agent.kept import kept_with_array
from cxr_agent.models.parts import Drawn
from cxr_agent.study import FloatImage

_LOW_PERCENT = 0.5
_HIGH_PERCENT = 99.5
_FLAT = 1e-4
_LEAST_SPREAD = 0.02
BESIDE: Final = 2
"""Pixels beside one that is above a level that its weight can reach, and one more."""


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

    @property
    def blended(self) -> int:
        """Steps between the farthest two pixels of the tile that blend into one of the film.

        From pixels to those beside them. Two rows and columns blend, or more on a film that is
        smaller than on its tile.
        """
        rows, columns = self.film_shape
        wide = math.ceil(2 * max(1.0, self.rows / rows, self.columns / columns))
        return 2 * (wide - 1)

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
        inside = plane[self.top : self.top + self.rows, self.left : self.left + self.columns]
        above = np.zeros(self.film_shape, dtype=np.bool_)
        found = resized_above(inside, *self.film_shape, level)
        if found is not None:
            above[found.box] = found.within
        return above


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


def framed(small: FloatImage, placement: Placement, tile: FloatImage | None = None) -> FloatImage:
    """A film's content standardised and put in its place on a tile of (size, size).

    Parameters
    ----------
    small
        The film's own pixels in [0, 1].
    tile
        Where to put it; a new one by default.
    """
    if tile is None:
        tile = np.empty((placement.size, placement.size), dtype=np.float32)
    mean = float(small.mean())
    centred = small - mean
    # As small.std() has it, which would look for the mean and take it away once more.
    spread = max(float(np.sqrt(np.square(centred).mean())), _LEAST_SPREAD)
    tile.fill((0 - mean) / spread)
    bottom, right = placement.top + placement.rows, placement.left + placement.columns
    np.divide(centred, spread, out=tile[placement.top : bottom, placement.left : right])
    return tile


def stretch(plane: FloatImage) -> FloatImage:
    """A film's greys brought to [0, 1], but for the darkest and brightest 0.5 % of its pixels."""
    low, high = percentile(plane, _LOW_PERCENT), percentile(plane, _HIGH_PERCENT)
    stretched: FloatImage = np.clip((plane - low) / max(float(high - low), _FLAT), 0, 1)
    return stretched


def percentile(plane: FloatImage, percent: float) -> np.float64:
    """One of those of ``np.percentile(plane, [percent])``, in less than half of its time.

    It orders a plane around both neighbours of a place in one go; around one, NumPy is several
    times as fast, and the other is the least of what comes after it.

    Parameters
    ----------
    plane
        Not empty, all of it finite.
    percent
        From 0 up to below 100.
    """
    place = (plane.size - 1) * (percent / 100)
    index = int(place)
    ordered = np.partition(plane.ravel(), index)
    below, above = ordered[index], ordered[min(index + 1, plane.size - 1) :].min()
    step, part = above - below, np.float64(place - index)
    # From the nearer of both, so that the last bit is NumPy's.
    return np.float64(below + step * part if part < 0.5 else above - step * (1 - part))


def resized_above(plane: FloatImage, rows: int, columns: int, level: float) -> Drawn | None:
    """``resized(plane, rows, columns) > level``, worked out only around where ``plane`` is above.

    For planes that do not shrink: bilinear weights add up to one, so that nothing beyond a pixel
    of what is above ``level`` can be so. None where nothing is above.
    """
    above = plane > level
    same = plane.shape == (rows, columns)
    box = box_around(above, 0 if same else BESIDE)
    if box is None:
        return None
    if same:
        return Drawn(box, above[box])
    top, bottom = _reach(box[0], plane.shape[0], rows)
    left, right = _reach(box[1], plane.shape[1], columns)
    down, across = plane.shape[0] / rows, plane.shape[1] / columns
    picture = PillowImage.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    part = picture.resize(
        (right - left, bottom - top),
        PillowImage.Resampling.BILINEAR,
        box=(left * across, top * down, right * across, bottom * down),
    )
    return Drawn((slice(top, bottom), slice(left, right)), np.asarray(part) > level)


def _reach(touched: slice, before: int, after: int) -> tuple[int, int]:
    """From and up to where the ``touched`` of ``before`` pixels lie among ``after``."""
    scale = after / before
    return int(touched.start * scale), min(after, int(np.ceil(min(before, touched.stop) * scale)))


def resized(plane: FloatImage, rows: int, columns: int) -> FloatImage:
    """Bilinear, averaging where it shrinks; the plane itself where it is of that size."""
    plane = plane.astype(np.float32, copy=False)
    if plane.shape == (rows, columns):
        return plane
    picture = PillowImage.fromarray(plane)
    other = picture.resize((columns, rows), PillowImage.Resampling.BILINEAR)
    return np.asarray(other, dtype=np.float32)
