"""Connected parts of what was outlined, looked for only where something is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.boxes import Box, box_around

_BESIDE: Final = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.bool_)
"""Pixels hang together by their sides, not by their corners."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn on a plane, as far as there is anything."""

    box: Box
    """Rows and columns of the plane, which has no pixel drawn beyond them."""
    within: NDArray[np.bool_]
    """(rows, columns) of the box."""


def encloses(part: NDArray[np.bool_]) -> bool:
    """Whether there are :func:`holes` in a part, all of which hangs together.

    Told by its Euler number, corners less sides plus pixels, which every hole makes one less. This
    takes an eighth of the time of looking for the holes, which are rare.
    """
    framed = np.zeros((part.shape[0] + 2, part.shape[1] + 2), dtype=np.bool_)
    framed[1:-1, 1:-1] = part
    upright, level = framed[:, 1:] | framed[:, :-1], framed[1:] | framed[:-1]
    corners, sides = upright[1:] | upright[:-1], (upright, level)
    count = np.count_nonzero
    return int(count(corners)) - sum(int(count(one)) for one in sides) + int(count(part)) < 1


def grown(plane: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """What is so many steps away from what is drawn, from pixels to those beside them.

    As ``scipy.ndimage.binary_dilation``, which needs four times as long for a step or two.
    """
    for _ in range(steps):
        larger = plane.copy()
        larger[1:] |= plane[:-1]
        larger[:-1] |= plane[1:]
        larger[:, 1:] |= plane[:, :-1]
        larger[:, :-1] |= plane[:, 1:]
        plane = larger
    return plane


def holes(plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is enclosed by what is drawn, as ``scipy.ndimage.binary_fill_holes`` fills it.

    Found in a third of its time: by parts, not by growing from the rim.
    """
    from scipy import ndimage

    labels, _ = ndimage.label(np.pad(~plane, 1, constant_values=True), _BESIDE)
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
