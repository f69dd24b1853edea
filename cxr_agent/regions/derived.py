"""Places that no model outlines and a rule finds from the outlines of the lungs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from cxr_agent.evidence import Side
from cxr_agent.measure.costophrenic import costophrenic_angle
from cxr_agent.measure.extent import BoolMask, Extent
from cxr_agent.measure.geometry import NotMeasurable, Point, Scene
from cxr_agent.measure.zones import hilar_half, lung_zones

Derived = tuple[BoolMask, Point | None]
"""The pixels of a place, and the point that it is around where it has one."""
_SIDES: Final = (Side.RIGHT, Side.LEFT)
_ZONES: Final = ("upper", "mid", "lower")


def derive(code: str, masks: Mapping[str, BoolMask], shape: tuple[int, int]) -> Derived:
    """A place by rule.

    Parameters
    ----------
    code
        One of :data:`CODES`.
    masks
        (rows, columns) bool by structure; those that are not empty.
    shape
        (rows, columns) of the film.

    Raises
    ------
    NotMeasurable
        ``mask_missing``, or what the rule needs is not there.
    """
    return _RULES[code](masks, shape)


def _angle(side: Side) -> Callable[[Mapping[str, BoolMask], tuple[int, int]], Derived]:
    def rule(masks: Mapping[str, BoolMask], shape: tuple[int, int]) -> Derived:
        """The part of the lung in the box of the wall, the lowest point and the diaphragm."""
        scene = Scene(masks, Extent(0, 0, shape[1], shape[0]), shape)
        marks = costophrenic_angle(scene, side).landmarks
        across, down = zip(*marks.values(), strict=True)
        plane = np.zeros(shape, dtype=np.bool_)
        rows = slice(max(0, int(min(down))), int(np.ceil(max(down))))
        columns = slice(max(0, int(min(across))), int(np.ceil(max(across))))
        plane[rows, columns] = masks[f"{side}_lung"][rows, columns]
        return plane, marks["vertex"]

    return rule


def _zone(side: Side, name: str) -> Callable[[Mapping[str, BoolMask], tuple[int, int]], Derived]:
    def rule(masks: Mapping[str, BoolMask], shape: tuple[int, int]) -> Derived:
        lung = masks.get(f"{side}_lung")
        zones = {} if lung is None else lung_zones(lung)
        if name not in zones:
            raise NotMeasurable("mask_missing")
        return zones[name], None

    return rule


def _hilum(side: Side) -> Callable[[Mapping[str, BoolMask], tuple[int, int]], Derived]:
    def rule(masks: Mapping[str, BoolMask], shape: tuple[int, int]) -> Derived:
        """Where the hilum projects: the lung next to the mediastinum, at mid height."""
        lung = masks.get(f"{side}_lung")
        if lung is None:
            raise NotMeasurable("mask_missing")
        return hilar_half(lung, medial_is_right=side is Side.RIGHT), None

    return rule


_RULES: Final = {
    **{f"{side}_costophrenic_angle": _angle(side) for side in _SIDES},
    **{f"{side}_hilum": _hilum(side) for side in _SIDES},
    **{f"{side}_{name}_lung_zone": _zone(side, name) for side in _SIDES for name in _ZONES},
}
CODES: Final = tuple(_RULES)
"""Places that can be derived."""
