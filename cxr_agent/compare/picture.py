"""The difference view: the current film, with what is denser and clearer in its lungs in colour."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.compare.affine import Affine, Plane
from cxr_agent.compare.density import Difference
from cxr_agent.imaging.text_regions import blacked_out
from cxr_agent.study import FloatImage

_SIDE: Final = 512
"""Longest side of the picture."""
_DENSER: Final = np.array([0.90, 0.36, 0.08])
_CLEARER: Final = np.array([0.10, 0.48, 0.92])
"""Orange and blue: told apart by those who see no red or no green."""
_FULL: Final = 0.4
"""Difference of ranks from which on the colour no longer deepens."""
_MOST: Final = 0.75
"""Share of the colour at its deepest, so that the film stays visible."""


def difference_view(
    film: FloatImage, found: Difference, to_fixed: Affine, sign: float
) -> NDArray[np.uint8]:
    """(rows, columns, 3) uint8 over the whole current film, longest side at most 512 pixels.

    Writing on the film is black.

    Parameters
    ----------
    film
        The current one: (rows, columns) in [0, 1].
    to_fixed
        From its pixels to those of the film that ``found`` is framed on.
    sign
        1 where that film is the current one itself, else -1.
    """
    from scipy import ndimage

    rows, columns = film.shape
    pixel = max(1.0, max(rows, columns) / _SIDE)
    small = max(1, round(rows / pixel)), max(1, round(columns / pixel))
    down, along = (
        (np.arange(cells) + 0.5) * full / cells
        for cells, full in zip(small, film.shape, strict=True)
    )
    x, y = np.meshgrid(along, down)
    to_frame = found.frame.to_film.inverse.after(to_fixed)
    column, row = to_frame.points(x, y)
    places = np.stack([row - 0.5, column - 0.5])
    # Beyond the lungs arms and shoulders lie differently on every film.
    lungs = np.logical_or.reduce(list(found.zones.values()))
    known = np.where(lungs, np.nan_to_num(found.plane), 0.0)
    seen: Plane = sign * ndimage.map_coordinates(known, places, order=1, mode="constant")
    grey = blacked_out(film)[y.astype(np.intp), x.astype(np.intp)][..., None]
    depth = _MOST * np.clip(np.abs(seen) / _FULL, 0, 1)[..., None]
    colour = np.where(seen[..., None] > 0, _DENSER, _CLEARER)
    picture: NDArray[np.uint8] = np.rint(255 * ((1 - depth) * grey + depth * colour)).astype(
        np.uint8
    )
    return picture
