"""Points and boxes that outlines of lungs and heart suffice for.

Each is left out where its outline is missing or does not show it. Right and left are the patient's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import numpy as np

from cxr_agent.evidence import Box, Side
from cxr_agent.measure.costophrenic import costophrenic_angle
from cxr_agent.measure.diaphragm import dome
from cxr_agent.measure.extent import BoolMask, extent_of
from cxr_agent.measure.geometry import NotMeasurable, Point, Scene

_HILUM: Final = (0.35, 0.55)
"""Part of a lung's height in which its hilum lies, from the apex; the left one a little higher."""
_HILUM_WIDTH: Final = 0.3
"""Of the lung's width, from its medial border."""


def landmarks(scene: Scene) -> dict[str, Point]:
    """By name: ``apex_right``, ``costophrenic_right``, ``cardiophrenic_right``, ``dome_right``,
    ``mediastinal_border_right``, and the same for the left."""
    found: dict[str, Point] = {}
    for side in (Side.RIGHT, Side.LEFT):
        lung = scene.masks.get(f"{side.value}_lung")
        if lung is not None:
            found |= {f"{name}_{side.value}": point for name, point in _of(scene, lung, side)}
    return found


def hila(scene: Scene) -> dict[str, Box]:
    """Where the hila lie, by ``right_hilum`` and ``left_hilum``: the medial part of the middle of
    each lung. A place to look at, not an outline."""
    found: dict[str, Box] = {}
    for side in ("right", "left"):
        lung = scene.masks.get(f"{side}_lung")
        if lung is None:
            continue
        box = extent_of(lung)
        top, bottom = (int(box.top + share * box.height) for share in _HILUM)
        part = lung[top : max(bottom, top + 1)]
        if not part.any():
            continue
        inner = extent_of(part)
        width = max(1, round(_HILUM_WIDTH * inner.width))
        left = inner.right - width if side == "right" else inner.left
        found[f"{side}_hilum"] = (left, top, left + width, max(bottom, top + 1))
    return found


def _of(scene: Scene, lung: BoolMask, side: Side) -> Iterator[tuple[str, Point]]:
    box = extent_of(lung)
    yield "apex", (float(np.flatnonzero(lung[box.top]).mean()) + 0.5, float(box.top))
    row = int(box.top + _HILUM[0] * box.height)
    columns = np.flatnonzero(lung[row])
    if columns.size:
        inner = columns[-1] + 1 if side is Side.RIGHT else columns[0]
        yield "mediastinal_border", (float(inner), row + 0.5)
    with suppress(NotMeasurable):
        yield "costophrenic", costophrenic_angle(scene, side).landmarks["vertex"]
    with suppress(NotMeasurable):
        yield "dome", dome(scene, side.value)
    point = _cardiophrenic(scene, lung, side)
    if point is not None:
        yield "cardiophrenic", point


def _cardiophrenic(scene: Scene, lung: BoolMask, side: Side) -> Point | None:
    """Where the heart's border meets the diaphragm: the lowest point at which the lung touches
    the heart."""
    heart = scene.masks.get("heart")
    if heart is None:
        return None
    beside = np.zeros_like(heart)
    if side is Side.RIGHT:
        beside[:, :-1] = heart[:, 1:]
    else:
        beside[:, 1:] = heart[:, :-1]
    y, x = np.nonzero(lung & beside & ~heart)
    if not y.size:
        return None
    lowest = y == y.max()
    return float(x[lowest].mean()) + 0.5, float(y.max()) + 1
