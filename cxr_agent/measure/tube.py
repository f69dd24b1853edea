"""How far the tip of a tracheal tube lies above the carina."""

from __future__ import annotations

import numpy as np

from cxr_agent.measure.carina import bifurcation
from cxr_agent.measure.geometry import Geometry, Line, Scene


def tube_tip(scene: Scene) -> Geometry:
    """Height of ``tube_tip`` above the vertex of ``carina`` in pixels; negative below it.

    The tip is the middle of its mask, and the distance is along the vertical of the film, as tubes
    are read (Goodman et al., AJR 1976).

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``carina_unclear``.
    """
    y, x = np.nonzero(scene.mask("tube_tip"))
    tip = scene.point("tip", (float(x.mean()) + 0.5, float(y.mean()) + 0.5))
    vertex = scene.point("carina", bifurcation(scene.mask("carina")).vertex)
    value = vertex[1] - tip[1]
    return Geometry(
        value,
        landmarks={"tip": tip, "carina": vertex},
        lines=(
            Line("tip_to_carina", (tip, (tip[0], vertex[1])), "tube tip"),
            Line("carina_level", ((tip[0], vertex[1]), vertex), "carina"),
        ),
        lengths={"value": (0.0, abs(value) or 1.0)},
    )
