"""The costophrenic angle, which an effusion or a scar blunts.

At the lowest point of the lung in its lateral third, between the chest wall and the diaphragm, each
taken at an eighth of the lung's height away.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Final

import numpy as np

from cxr_agent.evidence import Side
from cxr_agent.measure.extent import Extent, extent_of
from cxr_agent.measure.geometry import Geometry, Line, Measure, NotMeasurable, Point, Scene

_LATERAL: Final = 1 / 3
_REACH: Final = 1 / 8
_FLAT: Final = 0.01
"""Share of the lung's height within which its base counts as flat."""


def costophrenic_angle(scene: Scene, side: Side) -> Geometry:
    """The angle in degrees on one side; pixels must be square.

    Quantities: ``base_margin``, free space below the point, over the exposed field's height;
    ``side_margin`` beside the lung, over its width.

    Raises
    ------
    NotMeasurable
        ``mask_missing``; ``angle_unclear`` where a border ends before the reach or ``heart`` is
        beside it.
    """
    lung = scene.mask(f"{side.value}_lung")
    # Both sides are looked at as if the chest wall lay to the left of the picture.
    flipped = side is Side.LEFT
    plane = lung[:, ::-1] if flipped else lung
    box = extent_of(lung)
    if flipped:
        width = plane.shape[1]
        box = Extent(width - box.right, box.top, width - box.left, box.bottom)
    third = plane[box.top : box.bottom, box.left : box.left + max(2, int(box.width * _LATERAL))]
    columns = np.flatnonzero(third.any(axis=0))
    floors = box.bottom - third[::-1].argmax(axis=0)
    deepest = int(floors[columns].max())
    # Of a flat base, its lateral end.
    column = int(columns[floors[columns] >= deepest - _FLAT * box.height].min())
    reach = max(2, round(box.height * _REACH))
    row, beside = deepest - reach, box.left + column + reach
    if row <= box.top or beside >= box.right or not plane[row].any():
        raise NotMeasurable("angle_unclear")
    wall = (float(np.flatnonzero(plane[row])[0]), row + 0.5)
    below = np.flatnonzero(plane[:, beside])
    if not below.size or _at_heart(scene, beside, reach, flipped=flipped):
        raise NotMeasurable("angle_unclear")
    vertex = (float(box.left + column), float(deepest))
    dome = (beside + 0.5, float(below[-1] + 1))
    field = scene.field
    points = [
        scene.point(name, _back(point, plane.shape[1]) if flipped else point)
        for name, point in (("wall", wall), ("vertex", vertex), ("diaphragm", dome))
    ]
    value = _angle(points[1], points[0], points[2])
    outer = (field.right - points[1][0]) if flipped else (points[1][0] - field.left)
    return Geometry(
        value,
        quantities={
            "base_margin": max(0.0, field.bottom - deepest) / field.height,
            "side_margin": max(0.0, outer) / field.width,
        },
        landmarks={"wall": points[0], "vertex": points[1], "diaphragm": points[2]},
        lines=(Line(f"costophrenic_angle_{side.value}", tuple(points), f"{value:.0f} degrees"),),
        side=side,
    )


def angle_of(side: Side) -> Measure:
    """:func:`costophrenic_angle` of one side."""
    return partial(costophrenic_angle, side=side)


def _at_heart(scene: Scene, column: int, reach: int, *, flipped: bool) -> bool:
    """Whether the heart, where outlined, is so near that the lung ends at it."""
    heart = scene.masks.get("heart")
    if heart is None:
        return False
    plane = heart[:, ::-1] if flipped else heart
    return bool(plane[:, max(0, column - reach // 4) : column + reach // 4 + 1].any())


def _back(point: Point, width: int) -> Point:
    return width - point[0], point[1]


def _angle(vertex: Point, one: Point, other: Point) -> float:
    a, b = one[0] - vertex[0], one[1] - vertex[1]
    c, d = other[0] - vertex[0], other[1] - vertex[1]
    return math.degrees(abs(math.atan2(a * d - b * c, a * c + b * d)))
