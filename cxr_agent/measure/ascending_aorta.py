"""How much of the ascending aorta lies lateral to the line from trachea to heart.

As CheXStruct (Lee et al., CXReasonBench, 2025) has it: the line runs from the lower end of the
tracheal wall on the patient's right to the right-most point of the heart; an ascending aorta of
normal width lies wholly medial to it. Of several rows that reach as far to the right their mean is
taken, where CheXStruct takes the uppermost: that one rises as the outline is drawn more coarsely.
"""

from __future__ import annotations

import numpy as np

from cxr_agent.measure.aortic_arch import refuse_right_arch
from cxr_agent.measure.extent import extent_of, row_of_column
from cxr_agent.measure.geometry import Geometry, Line, Scene
from cxr_agent.measure.trachea import trachea


def ascending_aorta_share(scene: Scene) -> Geometry:
    """Share of the area of ``ascending_aorta`` beyond the line, 0 to 1; ``heart``, ``trachea``
    and, where outlined, ``carina`` give the line, ``aortic_arch`` the side of the arch.

    Quantities beside those of :class:`cxr_agent.measure.trachea.Trachea`, shares of the film's
    height: ``ascending_aorta_height``, ``ascending_aorta_top`` (from the tracheal end down to the
    aorta's top); share of its width: ``heart_beyond_trachea`` (how far the heart reaches to the
    patient's right of the tracheal end, below nought when it does not).

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``arch_on_the_right``, ``trachea_unclear``.
    """
    aorta, heart = scene.mask("ascending_aorta"), scene.mask("heart")
    refuse_right_arch(scene)
    rows, columns = scene.shape
    windpipe = trachea(scene)
    box = extent_of(aorta)
    border = extent_of(heart).left
    heart_x, heart_y = float(border), row_of_column(heart, border)
    trachea_x, trachea_y = windpipe.end
    y, x = np.nonzero(aorta[box.top : box.bottom, box.left : box.right])
    # Of the vectors heart to trachea and heart to pixel: above nought on the patient's right.
    turn = (trachea_x - heart_x) * (heart_y - (y + box.top + 0.5)) - (trachea_y - heart_y) * (
        heart_x - (x + box.left + 0.5)
    )
    drawn = windpipe.line
    return Geometry(
        float(np.mean(turn > 0)),
        quantities={
            **windpipe.quantities,
            "ascending_aorta_height": box.height / rows,
            "ascending_aorta_top": (box.top - trachea_y) / rows,
            "heart_beyond_trachea": (trachea_x - heart_x) / columns,
        },
        landmarks={"trachea_end": (trachea_x, trachea_y), "heart_right": (heart_x, heart_y)},
        lines=(
            drawn,
            Line(
                "mediastinal_line",
                ((trachea_x, trachea_y), (heart_x, heart_y)),
                "trachea to heart",
            ),
        ),
        box=box.box,
    )
