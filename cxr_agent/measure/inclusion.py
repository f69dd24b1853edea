"""Whether the lungs are wholly on the film.

Margins as in CheXStruct (Lee et al., CXReasonBench, 2025): from the lung to the edge of the
exposed field, over the field's length on that axis. Its bottom margin is taken above the
hemidiaphragm; without that mask it is taken from the lowest lung point.
"""

from __future__ import annotations

import numpy as np

from cxr_agent.measure.extent import Extent, extent_of
from cxr_agent.measure.geometry import Scene
from cxr_agent.study import FloatImage

_BLACK = 0.02
_FILLED_SHARE = 0.02


def exposed_field(pixels: FloatImage) -> Extent:
    """Box of the film without the black border that collimation or padding leaves."""
    lit = pixels > _BLACK
    rows, columns = lit.shape
    kept_rows = np.flatnonzero(lit.sum(axis=1) > _FILLED_SHARE * columns)
    kept_columns = np.flatnonzero(lit.sum(axis=0) > _FILLED_SHARE * rows)
    if not kept_rows.size or not kept_columns.size:
        return Extent(0, 0, columns, rows)
    return Extent(
        int(kept_columns[0]), int(kept_rows[0]), int(kept_columns[-1]) + 1, int(kept_rows[-1]) + 1
    )


def side_margins(scene: Scene) -> tuple[float, float]:
    """Free space beside the right and the left lung as a share of the exposed field; 0 when cut."""
    right, left = extent_of(scene.mask("right_lung")), extent_of(scene.mask("left_lung"))
    field = scene.field
    return (
        max(0, right.left - field.left) / field.width,
        max(0, field.right - left.right) / field.width,
    )
