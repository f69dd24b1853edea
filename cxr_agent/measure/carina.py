"""The angle at which the trachea parts into the main bronchi.

CheXStruct (Lee et al., CXReasonBench, 2025): the vertex is the highest point of the contour between
the two bronchial tips; at 10, 20 and 30 % of the height from there to the bottom the inner edges of
the gap are taken, each side is averaged, and the angle at the vertex is that of the two means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_agent.measure.extent import BoolMask, Extent, extent_of
from cxr_agent.measure.geometry import Geometry, Line, NotMeasurable, Point, Scene

_HEIGHTS: Final = (0.1, 0.2, 0.3)


@dataclass(frozen=True, slots=True)
class Bifurcation:
    """Where the trachea parts, and the inner edges of the bronchi at three heights below."""

    box: Extent
    top: Point
    vertex: Point
    right: tuple[Point, ...]
    left: tuple[Point, ...]


def bifurcation(mask: BoolMask) -> Bifurcation:
    """Find it on the outline of the tracheal bifurcation.

    Raises
    ------
    NotMeasurable
        ``carina_unclear`` where the outline has no two legs.
    """
    box = extent_of(mask)
    part = mask[box.top : box.bottom, box.left : box.right]
    row, column, middle = _vertex(part)
    right, left = [], []
    for share in _HEIGHTS:
        level = min(box.height - 1, int(row + share * (box.height - row)))
        line = part[level]
        beside = np.flatnonzero(line[:column]), np.flatnonzero(line[column:])
        if not beside[0].size or not beside[1].size:
            raise NotMeasurable("carina_unclear")
        y = box.top + level + 0.5
        right.append((box.left + float(beside[0][-1]) + 1, y))
        left.append((box.left + column + float(beside[1][0]), y))
    top = float(np.flatnonzero(part[0]).mean()) + 0.5 + box.left
    return Bifurcation(
        box,
        (top, float(box.top)),
        (box.left + middle, float(box.top + row)),
        tuple(right),
        tuple(left),
    )


def _vertex(part: BoolMask) -> tuple[int, int, float]:
    """Row and column of the highest open pixel between the legs, and x of its row's middle.

    The tips are the lowest points on either side, so that one bronchus may end above the other: the
    vertex is where the lower contour lies furthest above the higher of the tips beside it.
    """
    height = part.shape[0]
    filled = part.any(axis=0)
    lower = np.where(filled, height - part[::-1].argmax(axis=0), 0)
    tips = np.minimum(np.maximum.accumulate(lower), np.maximum.accumulate(lower[::-1])[::-1])
    depth = np.where(filled, tips - lower, 0)
    deepest = np.flatnonzero(depth == depth.max())
    if depth.max() == 0:
        raise NotMeasurable("carina_unclear")
    runs = np.split(deepest, np.flatnonzero(np.diff(deepest) > 1) + 1)
    run = max(runs, key=len)
    column = int(run[len(run) // 2])
    return int(lower[column]), column, float(run.mean()) + 0.5


def carina_angle(scene: Scene) -> Geometry:
    """The angle in degrees, from ``carina``; pixels must be square.

    Quantities: ``vertex_offset`` (from the top, over the film's width), ``contour_width``,
    ``contour_height`` (over the film's), ``vertex_across``, ``vertex_down`` (place in the contour)
    and ``angle_spread`` (standard deviation of the angles at the three heights).

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``carina_unclear``.
    """
    found = bifurcation(scene.mask("carina"))
    vertex = scene.point("vertex", found.vertex)
    right = scene.point("right_edge", _mean(found.right))
    left = scene.point("left_edge", _mean(found.left))
    angles = [_angle(found.vertex, *edges) for edges in zip(found.right, found.left, strict=True)]
    rows, columns = scene.shape
    box, (x, y) = found.box, vertex
    value = _angle(vertex, right, left)
    reach = 0.8 * (box.bottom - y)
    return Geometry(
        value,
        quantities={
            "vertex_offset": abs(x - found.top[0]) / columns,
            "contour_width": box.width / columns,
            "contour_height": box.height / rows,
            "vertex_across": (x - box.left) / box.width,
            "vertex_down": (y - box.top) / box.height,
            "angle_spread": float(np.std(angles)),
        },
        landmarks={"vertex": vertex, "right_edge": right, "left_edge": left},
        lines=(
            Line(
                "carina_angle",
                (
                    _along(vertex, right, reach),
                    vertex,
                    _along(vertex, left, reach),
                ),
                f"{value:.0f} degrees",
            ),
        ),
        box=box.box,
    )


def _mean(points: tuple[Point, ...]) -> Point:
    x, y = np.mean(points, axis=0)
    return float(x), float(y)


def _angle(vertex: Point, right: Point, left: Point) -> float:
    (a, b), (c, d) = (
        (right[0] - vertex[0], right[1] - vertex[1]),
        (left[0] - vertex[0], left[1] - vertex[1]),
    )
    return math.degrees(abs(math.atan2(a * d - b * c, a * c + b * d)))


def _along(start: Point, through: Point, length: float) -> Point:
    across, down = through[0] - start[0], through[1] - start[1]
    whole = math.hypot(across, down) or 1.0
    return start[0] + across * length / whole, start[1] + down * length / whole
