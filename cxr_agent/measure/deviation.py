"""Whether the trachea is pushed or drawn to a side.

CheXStruct (Lee et al., CXReasonBench, 2025): at nine equally spaced rows of the trachea the midline
lies inside it, or it lies wholly to one side; the majority decides. Rows are taken above the
carina, whose outline parts into the bronchi.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_agent.evidence import Side
from cxr_agent.measure.extent import extent_of
from cxr_agent.measure.geometry import Geometry, Line, NotMeasurable, Scene
from cxr_agent.measure.midline import midline
from cxr_agent.measure.trachea import trachea
from cxr_agent.measure.walls import Walls, walls

_ROWS: Final = 9


def trachea_deviation(scene: Scene) -> Geometry:
    """Mean distance of the trachea's middle from the midline over its width, from ``trachea``.

    Positive to the patient's left. Needs vertebrae or a spine for the midline. The side is that
    to which most rows deviate.

    Quantities: ``rows_right``, ``rows_left``, ``rows_flat`` (nine in all), ``majority`` (by how
    many rows the more frequent side is ahead of all other answers), ``midline_residual``,
    ``midline_wander``, and those of :class:`~cxr_agent.measure.trachea.Trachea`.

    Raises
    ------
    NotMeasurable
        ``mask_missing``; ``trachea_unclear`` where nothing of it lies above the carina;
        ``midline_unclear``, also where only the lungs could give a midline.
    """
    measured = trachea(scene)
    tube = _above_carina(scene)
    middle = midline(scene, tube.top, tube.bottom)
    if middle.remarks:
        raise NotMeasurable("midline_unclear")
    chosen = tube.where(np.linspace(0, len(tube) - 1, _ROWS + 2)[1:-1].round().astype(int))
    heights = chosen.rows + 0.5
    line = middle.slope * heights + middle.offset
    left, right = int((chosen.left > line).sum()), int((chosen.right < line).sum())
    flat = _ROWS - left - right
    centres = (chosen.left + chosen.right) / 2
    side = Side.LEFT if left > right else Side.RIGHT
    majority = max(left, right) - max(flat, min(left, right))
    return Geometry(
        float((centres - line).mean()) / measured.width,
        quantities={
            "rows_right": float(right),
            "rows_left": float(left),
            "rows_flat": float(flat),
            "majority": float(majority),
            "midline_residual": middle.residual,
            "midline_wander": middle.wander,
            **measured.quantities,
        },
        landmarks={
            f"trachea_{index}": (float(x), float(y))
            for index, (x, y) in enumerate(zip(centres, heights, strict=True), 1)
        },
        lines=(
            middle.line(tube.top, tube.bottom),
            *(
                Line(f"trachea_row_{index}", ((float(a), float(y)), (float(b), float(y))))
                for index, (a, b, y) in enumerate(
                    zip(chosen.left, chosen.right, heights, strict=True), 1
                )
            ),
        ),
        side=side if majority > 0 else None,
        box=extent_of(scene.mask("trachea")).box,
    )


def _above_carina(scene: Scene) -> Walls:
    """The trachea with its top quarter; the outline of the carina may be missing."""
    tube = walls(scene.mask("trachea"))
    if "carina" not in scene.masks:
        return tube
    return tube.above(extent_of(scene.masks["carina"]).top)
