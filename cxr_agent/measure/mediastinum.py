"""Width of the upper mediastinum over that of the thorax.

CheXStruct (Lee et al., CXReasonBench, 2025) takes the row of the greatest mediastinal width, and
the width of the thorax on the same row. Without an outline of the mediastinum, the space between
the medial borders of the lungs stands in for it: from 15 % of the lungs' height, below the apices,
where they part from each other, down to the heart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.measure.extent import BoolMask, extent_of
from cxr_agent.measure.geometry import Geometry, Line, NotMeasurable, Scene
from cxr_agent.measure.inclusion import side_margins

_BELOW_APICES: Final = 0.15
_WITHOUT_HEART: Final = 0.45
_FEWEST_ROWS: Final = 3


def mediastinal_width(scene: Scene) -> Geometry:
    """The ratio, from both lungs; ``upper_mediastinum`` and ``heart`` where there.

    Quantities: ``side_margin``, ``lung_width_balance``, ``row`` (height of the row in the exposed
    field).

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``mediastinum_unclear``.
    """
    right, left = scene.mask("right_lung"), scene.mask("left_lung")
    outlined = scene.masks.get("upper_mediastinum")
    rows, starts, ends = _spans(outlined) if outlined is not None else _gaps(scene, right, left)
    both = right[rows].any(axis=1) & left[rows].any(axis=1)
    if np.count_nonzero(both) < _FEWEST_ROWS:
        raise NotMeasurable("mediastinum_unclear")
    rows, starts, ends = rows[both], starts[both], ends[both]
    at = int((ends - starts).argmax())
    row, start, end = int(rows[at]), float(starts[at]), float(ends[at])
    outer_right = float(right[row].argmax())
    outer_left = float(left.shape[1] - left[row, ::-1].argmax())
    if end <= start or outer_left <= outer_right:
        raise NotMeasurable("mediastinum_unclear")
    one, other = extent_of(right), extent_of(left)
    y = row + 0.5
    return Geometry(
        (end - start) / (outer_left - outer_right),
        quantities={
            "side_margin": min(side_margins(scene)),
            "lung_width_balance": min(one.width, other.width) / max(one.width, other.width),
            "row": (y - scene.field.top) / scene.field.height,
        },
        landmarks={
            "mediastinum_right": (start, y),
            "mediastinum_left": (end, y),
            "thorax_right": (outer_right, y),
            "thorax_left": (outer_left, y),
        },
        lines=(
            Line("thoracic_width", ((outer_right, y), (outer_left, y)), "thorax"),
            Line("mediastinal_width", ((start, y), (end, y)), "mediastinum"),
        ),
        lengths={"mediastinal_width": (end - start, 0)},
        remarks=() if outlined is not None else ("mediastinum_derived",),
    )


_Spans = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]


def _spans(mask: BoolMask) -> _Spans:
    """Rows of a mask, and where it starts and ends on each."""
    rows = np.flatnonzero(mask.any(axis=1))
    return rows, mask[rows].argmax(axis=1), mask.shape[1] - mask[rows][:, ::-1].argmax(axis=1)


def _gaps(scene: Scene, right: BoolMask, left: BoolMask) -> _Spans:
    """Rows above the heart, and the medial borders of both lungs on each."""
    one, other = extent_of(right), extent_of(left)
    top, bottom = max(one.top, other.top), min(one.bottom, other.bottom)
    heart = scene.masks.get("heart")
    height = bottom - top
    end = extent_of(heart).top if heart is not None else top + int(_WITHOUT_HEART * height)
    rows = np.arange(top + int(_BELOW_APICES * height), max(end, top))
    rows = rows[right[rows].any(axis=1) & left[rows].any(axis=1)]
    inner_right = right.shape[1] - right[rows][:, ::-1].argmax(axis=1)
    return rows, inner_right, left[rows].argmax(axis=1)
