"""Masks on a coarser grid than the film's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage

from cxr_agent.measure.extent import BoolMask, Extent, extent


def on_grid(plane: BoolMask, grid: tuple[int, int]) -> BoolMask:
    """The plane on a coarser grid: where more than half of a cell is covered; read-only."""
    if plane.shape == grid:
        small = plane.copy()
    else:
        small = np.zeros(grid, dtype=np.bool_)
        drawn = extent(plane)
        if drawn is not None:
            rows, columns = _around(drawn, plane.shape, grid)
            cells = small[rows.cells, columns.cells]
            drawing = plane[rows.pixels, columns.pixels].view(np.uint8) * np.uint8(255)
            size = (cells.shape[1], cells.shape[0])
            shrunk = PillowImage.fromarray(drawing).resize(size, PillowImage.Resampling.BOX)
            cells[:] = np.asarray(shrunk) > 127
    small.setflags(write=False)
    return small


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Part of a film's rows or columns, and the cells of a coarser grid that are the same part."""

    pixels: slice
    cells: slice


def _around(drawn: Extent, shape: tuple[int, ...], grid: tuple[int, int]) -> list[_Stretch]:
    """The rows and columns around what is drawn that shrink alone as they do within the film.

    Cells of more than two pixels a side are left to the whole film: Pillow rounds after its first
    pass, and whether rows or columns come first goes by the proportions of what it is given.
    """
    small = all(pixels <= 2 * cells for pixels, cells in zip(shape, grid, strict=True))
    ends = ((drawn.top, drawn.bottom), (drawn.left, drawn.right))
    return [
        _stretch(*end, pixels, cells) if small else _Stretch(slice(0, pixels), slice(0, cells))
        for end, pixels, cells in zip(ends, shape, grid, strict=True)
    ]


def _stretch(first: int, end: int, pixels: int, cells: int) -> _Stretch:
    """The least stretch around ``first`` up to ``end`` on which cells lie as on the whole side.

    They lie on pixels in the same way again and again, as often as both counts can be divided; but
    where the edge of a cell halves a pixel, which cell has it is up to the rounding of its place.
    """
    times = math.gcd(pixels, cells)
    if cells > pixels or cells // times % 2 == 0:
        times = 1
    before, after = pixels // times, cells // times
    start, stop = first // before, -(-end // before)
    return _Stretch(
        slice(start * before, stop * before),
        slice(start * after, stop * after),
    )
