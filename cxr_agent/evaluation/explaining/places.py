"""Where a report says that a finding is, as boxes of what was outlined on its film."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from cxr_agent.evidence import Box, Location
from cxr_agent.knowledge import structures
from cxr_agent.report.model import Report
from cxr_agent.report.scene_graph import scene_graphs

BoolMask = NDArray[np.bool_]


def boxes_of(report: Report) -> dict[Location, Box]:
    """(left, top, right, bottom) of each place of the first film, in its pixels; outlined, or a
    part of an outline's box by the rules of ``kb/scene_graph.toml``."""
    return {
        one.bbox_name: (one.original_x1, one.original_y1, one.original_x2, one.original_y2)
        for one in scene_graphs(report)[0].objects
    }


def outlined_boxes(masks: Mapping[str, BoolMask]) -> dict[Location, Box]:
    """The same of what readers outlined, (rows, columns) by structure of ``kb/structures.toml``."""
    known = structures()
    found: dict[Location, Box] = {}
    for name, plane in masks.items():
        place = known[name].location if name in known else None
        if place is not None and plane.any():
            rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
            found[place] = (
                int(columns[0]),
                int(rows[0]),
                int(columns[-1]) + 1,
                int(rows[-1]) + 1,
            )
    return found


def region(
    places: Iterable[Location], boxes: Mapping[Location, Box], shape: tuple[int, int]
) -> BoolMask | None:
    """(rows, columns) all pixels in the boxes of some places; None where one has no box."""
    plane = np.zeros(shape, dtype=np.bool_)
    for place in places:
        if place not in boxes:
            return None
        plane |= filled(boxes[place], shape)
    return plane if plane.any() else None


def filled(box: Box, shape: tuple[int, int]) -> BoolMask:
    """(rows, columns) the pixels of one box."""
    left, top, right, bottom = box
    plane = np.zeros(shape, dtype=np.bool_)
    plane[max(0, top) : bottom, max(0, left) : right] = True
    return plane


def overlap(one: BoolMask, other: BoolMask) -> float:
    """Intersection over union; 0 where both are empty."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 0.0
