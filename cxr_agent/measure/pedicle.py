"""Width of the vascular pedicle.

From where the superior vena cava crosses the right main bronchus to the take-off of the
left subclavian artery, horizontally (Milne et al., AJR 1984; Ely and Haponik, Chest 2002). Both
points are taken here on the medial borders of the lungs, at fixed shares of the lungs' height.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_agent.measure.extent import BoolMask, extent_of
from cxr_agent.measure.geometry import Geometry, Line, NotMeasurable, Point, Scene

_CAVA: Final = 0.35
_SUBCLAVIAN: Final = 0.20


def vascular_pedicle(scene: Scene) -> Geometry:
    """The width in pixels; needs both lungs.

    Quantities: ``thorax_share``, the width over that of both lungs.

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``pedicle_unclear``.
    """
    right, left = scene.mask("right_lung"), scene.mask("left_lung")
    one, other = extent_of(right), extent_of(left)
    cava = scene.point("cava", _border(right, one.top + _CAVA * one.height, last=True))
    subclavian = _border(left, other.top + _SUBCLAVIAN * other.height, last=False)
    subclavian = scene.point("subclavian", subclavian)
    width = subclavian[0] - cava[0]
    if width <= 0:
        raise NotMeasurable("pedicle_unclear")
    return Geometry(
        width,
        quantities={"thorax_share": width / one.union(other).width},
        landmarks={"cava": cava, "subclavian": subclavian},
        lines=(
            Line("pedicle_left_border", (subclavian, (subclavian[0], cava[1]))),
            Line("vascular_pedicle", (cava, (subclavian[0], cava[1])), "vascular pedicle"),
        ),
        lengths={"value": (width, 0.0)},
        remarks=("pedicle_derived",),
    )


def _border(lung: BoolMask, height: float, *, last: bool) -> Point:
    """The lung's border towards the middle at a height."""
    row = min(int(height), lung.shape[0] - 1)
    columns = np.flatnonzero(lung[row])
    if not columns.size:
        raise NotMeasurable("pedicle_unclear")
    return float(columns[-1] + 1 if last else columns[0]), row + 0.5
