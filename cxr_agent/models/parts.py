"""Connected parts of what was outlined, looked for only where something is drawn."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice]
"""Rows and columns."""


_BESIDE: Final = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.bool_)
"""Pixels hang together by their sides, not by their corners."""


def box_around(plane: NDArray[np.bool_], margin: int = 0) -> Box | None:
    """The rows and columns within ``margin`` of what is drawn; None where nothing is."""
    # The maximum of bytes is found several times as fast as whether any is true.
    bits = plane.view(np.uint8)
    rows, columns = (np.flatnonzero(bits.max(axis=axis, initial=0)) for axis in (1, 0))
    if not rows.size:
        return None
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + 1 + margin),
    )


def holes(plane: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """What is enclosed by what is drawn, as ``scipy.ndimage.binary_fill_holes`` fills it.

    None where nothing is. Found in a third of its time: by parts, not by growing from the rim.
    """
    from scipy import ndimage

    labels, count = ndimage.label(np.pad(~plane, 1, constant_values=True), _BESIDE)
    if count < 2:
        return None
    outside = labels[0, 0]
    inner = labels[1:-1, 1:-1]
    return np.asarray((inner > 0) & (inner != outside))


def largest_part(plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What hangs together with most pixels; the first of several that are as large."""
    from scipy import ndimage

    box = box_around(plane)
    if box is None:
        return plane
    labels, count = ndimage.label(plane[box], _BESIDE)
    if count < 2:
        return plane
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    part = np.zeros_like(plane)
    part[box] = labels == int(sizes.argmax())
    return part
