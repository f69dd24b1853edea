"""Whether a finding is shown where it is.

References
----------
Wang et al., "ChestX-ray8", CVPR 2017: a box counts at thresholds of IoU from 0.1 to 0.7.
Zhang et al., "Top-down neural attention by excitation backprop", IJCV 2018: the pointing game.
Boecking et al., "Making the most of text semantics to improve biomedical vision-language
processing", ECCV 2022: contrast-to-noise ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.evidence import Box

IOU_LEVELS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
MAP_LEVEL: Final = 0.5
"""Share of a map's highest value from which a pixel belongs to its box."""

Map = NDArray[np.floating]
Point = tuple[float, float]
"""(x, y) in film pixels, from the film's left top corner."""


def area(box: Box) -> int:
    """Pixels of a box."""
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])


def iou(one: Box, other: Box) -> float:
    """Overlap of two boxes over the area of both together, 0 to 1."""
    shared = (
        max(one[0], other[0]),
        max(one[1], other[1]),
        min(one[2], other[2]),
        min(one[3], other[3]),
    )
    union = area(one) + area(other) - area(shared)
    return area(shared) / union if union else 0.0


def best_iou(found: Sequence[Box], true: Sequence[Box]) -> float:
    """Of any found box with any true one; 0 where nothing was found."""
    return max((iou(one, other) for one in found for other in true), default=0.0)


def points_into(point: Point, boxes: Sequence[Box], tolerance: float = 0.0) -> bool:
    """The pointing game: whether a point is in a box, or within ``tolerance`` pixels of one."""
    x, y = point
    return any(
        np.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom)) <= tolerance
        for left, top, right, bottom in boxes
    )


def peak(heat: Map, shape: tuple[int, int]) -> Point:
    """Where a map over a film of (rows, columns) is highest; the middle of equal pixels."""
    rows, columns = np.nonzero(heat == heat.max())
    return (
        float((columns.mean() + 0.5) * shape[1] / heat.shape[1]),
        float((rows.mean() + 0.5) * shape[0] / heat.shape[0]),
    )


def box_of(heat: Map, shape: tuple[int, int], level: float = MAP_LEVEL) -> Box | None:
    """The box of a map's highest place, in pixels of a film of (rows, columns).

    Of the connected pixels (by their sides) around the highest one that reach ``level`` of it;
    None for a map without a positive value.
    """
    from scipy.ndimage import find_objects, label

    if not heat.max() > 0:
        return None
    parts, _ = label(heat >= level * heat.max())
    place = int(parts.flat[int(heat.argmax())])
    rows, columns = find_objects(parts)[place - 1]
    down, across = shape[0] / heat.shape[0], shape[1] / heat.shape[1]
    return (
        int(columns.start * across),
        int(rows.start * down),
        int(np.ceil(columns.stop * across)),
        int(np.ceil(rows.stop * down)),
    )


def contrast_to_noise(heat: Map, inside: NDArray[np.bool_]) -> float | None:
    """Difference of a map's means inside and outside, over the root of the sum of variances.

    Boecking et al. take its size. Its sign is kept here: below 0 the map shuns the place.

    Parameters
    ----------
    heat
        (rows, columns).
    inside
        (rows, columns) where the finding is.

    Returns
    -------
    float or None
        None where all or nothing is inside, or the map is flat on both sides.
    """
    if heat.shape != inside.shape:
        raise ValueError("a map and what is inside have the same shape")
    if inside.all() or not inside.any():
        return None
    here, elsewhere = heat[inside], heat[~inside]
    noise = float(np.sqrt(here.var() + elsewhere.var()))
    return float(here.mean() - elsewhere.mean()) / noise if noise > 0 else None


def within(
    boxes: Sequence[Box], shape: tuple[int, int], film: tuple[int, int]
) -> NDArray[np.bool_]:
    """(rows, columns) of ``shape``: which pixels of a map have their middle in a box on a film."""
    rows = (np.arange(shape[0]) + 0.5) * film[0] / shape[0]
    columns = (np.arange(shape[1]) + 0.5) * film[1] / shape[1]
    plane = np.zeros(shape, dtype=np.bool_)
    for left, top, right, bottom in boxes:
        here = ((rows >= top) & (rows < bottom))[:, None] & ((columns >= left) & (columns < right))
        plane |= here
    return plane
