"""Whether the trachea is pushed or drawn to a side.

CheXStruct (Lee et al., CXReasonBench, 2025): at nine equally spaced rows of the trachea the midline
lies inside it, or it lies wholly to one side; the majority decides.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_agent.evidence import Side
from cxr_agent.measure.extent import extent_of
from cxr_agent.measure.geometry import Geometry, Line, NotMeasurable, Scene
from cxr_agent.measure.midline import midline

_ROWS: Final = 9


def trachea_deviation(scene: Scene) -> Geometry:
    """Mean distance of the trachea's middle from the midline over its width, from ``trachea``.

    Positive to the patient's left. Needs vertebrae or a spine for the midline. The side is that
    to which most rows deviate.

    Quantities: ``rows_right``, ``rows_left``, ``rows_flat`` (of nine), ``majority`` (the larger of
    right and left less flat), ``midline_residual``, ``midline_wander``, ``trachea_height`` (over
    the film's).

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``midline_unclear`` also where only the lungs could give a midline.
    """
    mask = scene.mask("trachea")
    box = extent_of(mask)
    middle = midline(scene, box.top, box.bottom)
    if middle.remarks:
        raise NotMeasurable("midline_unclear")
    places = np.unique(np.linspace(box.top, box.bottom - 1, _ROWS + 2)[1:-1].astype(int))
    rows = places[mask[places].any(axis=1)]
    starts = mask[rows].argmax(axis=1).astype(float)
    ends = mask.shape[1] - mask[rows][:, ::-1].argmax(axis=1).astype(float)
    line = np.array([middle.x(row + 0.5) for row in rows])
    left, right = int((starts > line).sum()), int((ends < line).sum())
    flat = len(rows) - left - right
    width = float(np.median(ends - starts))
    offsets = (starts + ends) / 2 - line
    side = None
    if max(left, right) > flat:
        side = Side.LEFT if left > right else Side.RIGHT
    return Geometry(
        float(offsets.mean()) / width,
        quantities={
            "rows_right": float(right),
            "rows_left": float(left),
            "rows_flat": float(flat),
            "majority": float(max(left, right) - flat),
            "midline_residual": middle.residual,
            "midline_wander": middle.wander,
            "trachea_height": box.height / scene.shape[0],
        },
        landmarks={
            f"trachea_{index}": ((a + b) / 2, row + 0.5)
            for index, (a, b, row) in enumerate(zip(starts, ends, rows, strict=True), 1)
        },
        lines=(
            middle.line(box.top, box.bottom),
            *(
                Line(f"trachea_row_{index}", ((a, row + 0.5), (b, row + 0.5)))
                for index, (a, b, row) in enumerate(zip(starts, ends, rows, strict=True), 1)
            ),
        ),
        side=side,
        box=box.box,
    )
