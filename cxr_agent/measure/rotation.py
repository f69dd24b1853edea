"""Rotation of the patient, from the medial ends of the clavicles.

CheXStruct (Lee et al., CXReasonBench, 2025): the horizontal distances from both medial ends to the
midline; the film is rotated when the smaller is below 0.40 of the larger. With the proxy of
:mod:`cxr_agent.measure.midline` and readers' outlines, 5 of 192 upright JSRT films fall below that.

The ends of the clavicles lie in front of the spine. When the patient turns to a side they move to
that side of it, so that the end on that side is the one further from the midline (Herring, Learning
Radiology: Recognizing the Basics).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.evidence import Side
from cxr_agent.measure.extent import BoolMask, extent_of
from cxr_agent.measure.geometry import Geometry, Line, Point, Scene
from cxr_agent.measure.midline import midline

_MEDIAL_SHARE: Final = 0.02
_REACH: Final = 0.12
"""Of the film's height, above and below the clavicles: where vertebrae count as next to them."""


def rotation(scene: Scene) -> Geometry:
    """Smaller over larger distance, from both clavicles; 1 on a straight film.

    0 when an end crosses the midline: CheXStruct gives no label there, yet no film is more rotated.
    Needs vertebrae, a spine or both lungs for the midline. The side is that to which the patient is
    turned.

    Quantities: ``ends_level`` (height difference of the ends over the film's), ``ends_height``
    (mean height from the top, over the film's), ``ends_gap`` (their distance over the film's
    width), ``midline_residual`` and ``midline_wander``; with a lung ``end_reach_right`` and
    ``end_reach_left`` (from its lateral border to the end, over its width).

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``midline_unclear``.
    """
    right = _medial_end(scene.mask("right_clavicle"), towards_right=True)
    left = _medial_end(scene.mask("left_clavicle"), towards_right=False)
    right, left = scene.point("right_end", right), scene.point("left_end", left)
    rows, columns = scene.shape
    height = (right[1] + left[1]) / 2
    middle = midline(scene, height - _REACH * rows, height + _REACH * rows)
    to_right, to_left = middle.x(right[1]) - right[0], left[0] - middle.x(left[1])
    small, large = sorted((to_right, to_left))
    turned = Side.RIGHT if to_right > to_left else Side.LEFT
    value = max(0.0, small) / large if large > 0 else 0.0
    return Geometry(
        value,
        quantities={
            "ends_level": abs(right[1] - left[1]) / rows,
            "ends_height": height / rows,
            "ends_gap": (left[0] - right[0]) / columns,
            "midline_residual": middle.residual,
            "midline_wander": middle.wander,
            **_reaches(scene, right, left),
        },
        landmarks={"right_end": right, "left_end": left},
        lines=(
            middle.line(height - _REACH * rows / 2, height + _REACH * rows),
            Line("right_clavicle_to_midline", (right, (middle.x(right[1]), right[1]))),
            Line("left_clavicle_to_midline", (left, (middle.x(left[1]), left[1]))),
        ),
        side=turned if to_right != to_left else None,
        remarks=middle.remarks,
    )


def _reaches(scene: Scene, right: Point, left: Point) -> dict[str, float]:
    """How far each end lies from the lateral border of its lung."""
    found = {}
    if "right_lung" in scene.masks:
        lung = extent_of(scene.masks["right_lung"])
        found["end_reach_right"] = (right[0] - lung.left) / lung.width
    if "left_lung" in scene.masks:
        lung = extent_of(scene.masks["left_lung"])
        found["end_reach_left"] = (lung.right - left[0]) / lung.width
    return found


def _medial_end(clavicle: BoolMask, *, towards_right: bool) -> Point:
    """Tip of the most medial two hundredths of a clavicle's pixels, at their mean height."""
    box = extent_of(clavicle)
    part = clavicle[box.top : box.bottom, box.left : box.right]
    columns = np.arange(box.width)
    # How many pixels each column has tells where they lie, in order, without a look at every one.
    ordered = np.repeat(columns, part.view(np.uint8).sum(axis=0, dtype=np.uint32))
    limit = _quantile(ordered, 1 - _MEDIAL_SHARE if towards_right else _MEDIAL_SHARE)
    y, _ = np.nonzero(part[:, columns >= limit if towards_right else columns <= limit])
    tip = box.right if towards_right else box.left
    return float(tip), float(y.mean()) + box.top + 0.5


def _quantile(ordered: NDArray[np.intp], share: float) -> float:
    """As ``numpy.quantile``, of numbers in ascending order."""
    place = share * (ordered.size - 1)
    below = int(place)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))
