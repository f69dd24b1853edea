"""Width of the upper mediastinum over that of the thorax.

CheXStruct (Lee et al., CXReasonBench, 2025) takes the row of the greatest mediastinal width, and
the width of the thorax on the same row. The space between the medial borders of the lungs is
another quantity, with limits of its own: it can be had without an outline of the mediastinum. It
is taken from 15 to 35 % of the lungs' height, below the apices, where the lungs part from each
other, and above the hila.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.measure.ctr import balance
from cxr_agent.measure.extent import BoolMask, extent_of
from cxr_agent.measure.geometry import Geometry, Line, NotMeasurable, Scene
from cxr_agent.measure.inclusion import side_margins

_BELOW_APICES: Final = 0.15
_ABOVE_HILA: Final = 0.35
_FEWEST_ROWS: Final = 3


def mediastinal_width(scene: Scene) -> Geometry:
    """The ratio, from ``upper_mediastinum`` and both lungs.

    Quantities: ``side_margin``, ``lung_width_balance``, ``row`` (height of the row in the exposed
    field).

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``mediastinum_unclear``.
    """
    return _measured(scene, *_spans(scene.mask("upper_mediastinum")), "mediastinal_width")


def mediastinal_gap(scene: Scene) -> Geometry:
    """The ratio of the space between the lungs, from both lungs; quantities and errors as above."""
    right, left = scene.mask("right_lung"), scene.mask("left_lung")
    return _measured(scene, *_gaps(right, left), "mediastinal_gap")


_Rows = NDArray[np.intp]


def _measured(scene: Scene, rows: _Rows, starts: _Rows, ends: _Rows, length: str) -> Geometry:
    right, left = scene.mask("right_lung"), scene.mask("left_lung")
    both = right[rows].any(axis=1) & left[rows].any(axis=1)
    if np.count_nonzero(both) < _FEWEST_ROWS:
        raise NotMeasurable("mediastinum_unclear")
    rows, starts, ends = rows[both], starts[both], ends[both]
    at = int((ends - starts).argmax())
    row, start, end = int(rows[at]), float(starts[at]), float(ends[at])
    outer_right = float(right[row].argmax())
    outer_left = float(left.shape[1] - left[row, ::-1].argmax())
    y = row + 0.5
    found = {
        "mediastinum_right": (start, y),
        "mediastinum_left": (end, y),
        "thorax_right": (outer_right, y),
        "thorax_left": (outer_left, y),
    }
    points = {name: scene.point(name, point) for name, point in found.items()}
    inner = points["mediastinum_left"][0] - points["mediastinum_right"][0]
    outer = points["thorax_left"][0] - points["thorax_right"][0]
    if inner <= 0 or outer <= 0:
        raise NotMeasurable("mediastinum_unclear")
    return Geometry(
        inner / outer,
        quantities={
            "side_margin": min(side_margins(scene)),
            "lung_width_balance": balance(extent_of(right), extent_of(left)),
            "row": (y - scene.field.top) / scene.field.height,
        },
        landmarks=points,
        lines=(
            Line("thoracic_width", (points["thorax_right"], points["thorax_left"]), "thorax"),
            Line(
                "mediastinal_width",
                (points["mediastinum_right"], points["mediastinum_left"]),
                "mediastinum",
            ),
        ),
        lengths={length: (inner, 0)},
    )


def _spans(mask: BoolMask) -> tuple[_Rows, _Rows, _Rows]:
    """Rows of a mask, and where it starts and ends on each."""
    rows = np.flatnonzero(mask.any(axis=1))
    return rows, mask[rows].argmax(axis=1), mask.shape[1] - mask[rows][:, ::-1].argmax(axis=1)


def _gaps(right: BoolMask, left: BoolMask) -> tuple[_Rows, _Rows, _Rows]:
    """Rows between apices and hila, and the medial borders of both lungs on each."""
    one, other = extent_of(right), extent_of(left)
    top, bottom = max(one.top, other.top), min(one.bottom, other.bottom)
    height = bottom - top
    rows = np.arange(int(top + _BELOW_APICES * height), int(top + _ABOVE_HILA * height) + 1)
    rows = rows[right[rows].any(axis=1) & left[rows].any(axis=1)]
    inner_right = right.shape[1] - right[rows][:, ::-1].argmax(axis=1)
    return rows, inner_right, left[rows].argmax(axis=1)
