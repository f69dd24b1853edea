"""Diameter of an outlined nodule.

Mean of its longest diameter and the longest one at a right angle to it, as the Fleischner Society
asks (Bankier et al., Radiology 2017).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from cxr_agent.measure.extent import extent_of
from cxr_agent.measure.geometry import Geometry, Line, NotMeasurable, Point, Scene

_ROUNDING: Final = 1e-6
"""Pixels by which the ends of the long axis may seem to lie off it."""


def nodule_diameter(scene: Scene) -> Geometry:
    """The mean diameter in pixels, from ``nodule``; pixels must be square.

    Quantities: ``long_axis_px``, ``short_axis_px``.

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``landmarks_crossed``.
    """
    mask = scene.mask("nodule")
    box = extent_of(mask)
    corners = _corners(mask)
    apart = ((corners[:, None] - corners[None]) ** 2).sum(axis=2)
    first, second = np.unravel_index(int(apart.argmax()), apart.shape)
    one = np.array(scene.point("long_axis_start", _point(corners[first])))
    other = np.array(scene.point("long_axis_end", _point(corners[second])))
    long_axis = math.dist(one, other)
    if not long_axis:
        raise NotMeasurable("landmarks_crossed")
    along = (other - one) / long_axis
    across = np.array([-along[1], along[0]])
    low, high = _longest_chord(corners @ along, corners @ across, float(one @ across))
    short_axis = high[1] - low[1]
    ends = [place * along + height * across for place, height in (low, high)]
    return Geometry(
        (long_axis + short_axis) / 2,
        quantities={"long_axis_px": long_axis, "short_axis_px": short_axis},
        landmarks={"long_axis_start": _point(one), "long_axis_end": _point(other)},
        lines=(
            Line("long_axis", (_point(one), _point(other)), "nodule"),
            Line("short_axis", (_point(ends[0]), _point(ends[1]))),
        ),
        lengths={"value": (float(other[0] - one[0]), float(other[1] - one[1]))},
        box=box.box,
    )


def _longest_chord(
    along: np.ndarray, across: np.ndarray, axis: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ends of the longest chord at a right angle to the long axis, each as (along, across).

    Both ends lie on the border at one place of the long axis, which a bounding box turned along it
    would not ask. On a convex outline the longest one starts at a corner.

    Parameters
    ----------
    along, across
        Corners of the hull in the frame of the long axis.
    axis
        Where the long axis lies in ``across``.
    """
    borders = []
    for beyond in (across <= axis + _ROUNDING, across >= axis - _ROUNDING):
        order = np.argsort(along[beyond])
        borders.append(np.interp(along, along[beyond][order], across[beyond][order]))
    low, high = borders
    at = int((high - low).argmax())
    place = float(along[at])
    return (place, float(low[at])), (place, float(high[at]))


def _corners(mask: np.ndarray) -> np.ndarray:
    """Corners of the first and last pixel of each row: the hull lies among them."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - mask[rows][:, ::-1].argmax(axis=1)
    points = [
        (x, y + down)
        for xs in (first, last)
        for x, y in zip(xs, rows, strict=True)
        for down in (0, 1)
    ]
    from scipy.spatial import ConvexHull

    found = np.array(points, dtype=float)
    return np.asarray(found[ConvexHull(found).vertices])


def _point(place: np.ndarray) -> Point:
    return float(place[0]), float(place[1])
