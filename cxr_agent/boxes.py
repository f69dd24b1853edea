"""The box around what is drawn on a plane, which nearly all that is worked out of outlines asks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice]
"""Rows and columns."""

_DRAWN = b"\1"
"""A pixel of a boolean plane that is drawn."""


def box_around(plane: NDArray[np.bool_], margin: int = 0) -> Box | None:
    """The rows and columns within ``margin`` of what is drawn; None where nothing is.

    Parameters
    ----------
    plane
        (rows, columns).
    margin
        Pixels. Cut off at the first row and column; beyond the last ones, slicing cuts it off.
    """
    # Bytes are searched from either end several times as fast as NumPy reduces rows.
    pixels, across = plane.tobytes(), plane.shape[1]
    first = pixels.find(_DRAWN)
    if first < 0:
        # Bytes that somebody took for booleans may be others than 0 and 1.
        return box_around(plane.view(np.uint8) != 0, margin) if plane.any() else None
    top, bottom = first // across, pixels.rfind(_DRAWN) // across + 1
    columns = plane[top:bottom].any(axis=0).tobytes()
    left, right = columns.find(_DRAWN), columns.rfind(_DRAWN) + 1
    return (
        slice(max(0, top - margin), bottom + margin),
        slice(max(0, left - margin), right + margin),
    )
