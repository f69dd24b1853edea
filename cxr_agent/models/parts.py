"""Connected parts of what was outlined, looked for only where something is drawn."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.boxes import box_around

_BESIDE: Final = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.bool_)
"""Pixels hang together by their sides, not by their corners."""


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
