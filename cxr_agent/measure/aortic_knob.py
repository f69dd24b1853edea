"""The aortic knob against the trachea, as CheXStruct (Lee et al., CXReasonBench, 2025) has it.

The knob reaches from the tracheal wall on the patient's left, averaged over the arch's rows, to
the lateral-most point of the arch, or of the upper descending aorta where that lies further out.
"""

from __future__ import annotations

import numpy as np

from cxr_agent.measure.aortic_arch import refuse_right_arch
from cxr_agent.measure.extent import extent_of
from cxr_agent.measure.geometry import Geometry, Line, NotMeasurable, Scene
from cxr_agent.measure.trachea import trachea
from cxr_agent.measure.walls import walls

_UPPER = 0.3
"""Share of the descending aorta below the tracheal end that counts as upper (CheXStruct)."""


def aortic_knob_ratio(scene: Scene) -> Geometry:
    """Width of the knob over that of the trachea, from ``aortic_arch``, ``descending_aorta``,
    ``trachea`` and, where outlined, ``carina``.

    The lateral wall of the upper descending aorta is taken on the row of its medial-most point,
    as CheXStruct does.

    Quantities beside those of :class:`cxr_agent.measure.trachea.Trachea`, shares of the film's
    height: ``upper_aorta_height``, ``trachea_aorta_gap`` (from tracheal end down to the aorta);
    shares of its width: ``aortic_knob_width``, ``arch_beyond_aorta`` (how far the arch reaches
    beyond the aorta's lateral wall, below nought when it does not); ``aortic_knob_width_px``.

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``arch_on_the_right``, ``trachea_unclear``; ``aorta_displaced`` when no
        descending aorta lies below the tracheal end, or no arch above that part's end or beside
        the trachea; ``aortic_knob_hidden`` when it does not stand out beyond the trachea.
    """
    arch_mask, aorta_mask = scene.mask("aortic_arch"), scene.mask("descending_aorta")
    refuse_right_arch(scene)
    rows, columns = scene.shape
    windpipe = trachea(scene)
    aorta = walls(aorta_mask).below(windpipe.lumen.bottom)
    if not len(aorta):
        raise NotMeasurable("aorta_displaced")
    upper = aorta.where(aorta.rows < aorta.top + max(1.0, _UPPER * aorta.height))
    arch = walls(arch_mask).above(upper.bottom)
    if not len(arch):
        raise NotMeasurable("aorta_displaced")
    beside = windpipe.lumen.below(arch.top).above(arch.bottom)
    if not len(beside):
        raise NotMeasurable("aorta_displaced")
    medial, lateral = int(upper.left.argmin()), int(arch.right.argmax())
    wall = float(beside.right.mean())
    arch_x, aorta_x = float(arch.right[lateral]), float(upper.right[medial])
    knob_x = max(arch_x, aorta_x)
    y = 0.5 + float(arch.rows[lateral] if arch_x >= aorta_x else upper.rows[medial])
    beside_y = float(np.mean(beside.rows)) + 0.5
    wall, beside_y = scene.point("tracheal_wall_left", (wall, beside_y))
    knob_x, y = scene.point("aortic_knob_left", (knob_x, y))
    width = knob_x - wall
    if width <= 0:
        raise NotMeasurable("aortic_knob_hidden")
    drawn = windpipe.line
    return Geometry(
        width / windpipe.width,
        quantities={
            **windpipe.quantities,
            "upper_aorta_height": upper.height / rows,
            "trachea_aorta_gap": (upper.top - windpipe.lumen.bottom) / rows,
            "arch_beyond_aorta": (arch_x - aorta_x) / columns,
            "aortic_knob_width": width / columns,
            "aortic_knob_width_px": width,
        },
        landmarks={
            "tracheal_wall_left": (wall, beside_y),
            "aortic_knob_left": (knob_x, y),
            "trachea_width_right": drawn.points[0],
            "trachea_width_left": drawn.points[1],
        },
        lines=(drawn, Line("aortic_knob_width", ((wall, y), (knob_x, y)), "aortic knob")),
        box=extent_of(arch_mask).box,
    )
