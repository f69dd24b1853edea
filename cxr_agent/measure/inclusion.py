"""Whether the lungs are wholly on the film.

Margins as in CheXStruct (Lee et al., CXReasonBench, 2025): from the lung to the edge of the
exposed field, over the field's length on that axis. Its bottom margin is taken above the
hemidiaphragm; without that mask it is taken from the lowest lung point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxr_agent.measure.extent import BoolMask, Extent, extent
from cxr_agent.study import FloatImage

_BLACK = 0.02
_FILLED_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Margins:
    """Free space around the lungs as a share of the exposed field; 0 when a lung is cut."""

    apex: float
    right_side: float
    left_side: float
    bottom: float


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


def margins(pixels: FloatImage, right_lung: BoolMask, left_lung: BoolMask) -> Margins | None:
    """Measure the margins; None when a lung is missing."""
    right, left = extent(right_lung), extent(left_lung)
    if right is None or left is None:
        return None
    field = exposed_field(pixels)
    return Margins(
        apex=max(0, min(right.top, left.top) - field.top) / field.height,
        right_side=max(0, right.left - field.left) / field.width,
        left_side=max(0, field.right - left.right) / field.width,
        bottom=max(0, field.bottom - max(right.bottom, left.bottom)) / field.height,
    )
