"""Rotation of the patient, from the medial ends of the clavicles.

CheXStruct (Lee et al., CXReasonBench, 2025) takes the horizontal distances from both medial
ends to the line of the spinous processes and calls the film rotated when the smaller is below
0.40 of the larger. Without a mask of the spine the midline here is a proxy: the middle between
the medial borders of the lungs at the height of the clavicles, where little but spine and
trachea lies between them. Lower down the aorta and the heart push it aside: on 168 upright JSRT
films the limit of 0.40 then calls 30 of 100 rotated, and 1 of 100 with the rows used here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxr_agent.measure.extent import BoolMask, extent

_MEDIAL_SHARE = 0.02
_ROWS_SHARE = 0.05
"""Rows above and below the clavicles' height, as a share of the lungs' height."""
_MIN_ROWS = 8


@dataclass(frozen=True, slots=True)
class Rotation:
    """Where the ends and the midline lie, and the ratio of the distances."""

    right_end: tuple[float, float]
    """Medial end of the patient's right clavicle, (x, y)."""
    left_end: tuple[float, float]
    midline_x: float

    @property
    def right_distance(self) -> float:
        return self.midline_x - self.right_end[0]

    @property
    def left_distance(self) -> float:
        return self.left_end[0] - self.midline_x

    @property
    def ratio(self) -> float:
        """Smaller over larger distance, 1 for a straight film, 0 when an end crosses over."""
        small, large = sorted((self.right_distance, self.left_distance))
        return max(0.0, small) / large if large > 0 else 0.0


def rotation(
    right_clavicle: BoolMask, left_clavicle: BoolMask, right_lung: BoolMask, left_lung: BoolMask
) -> Rotation | None:
    """Measure rotation; None when a clavicle or the space between the lungs cannot be seen."""
    right, left = extent(right_clavicle), extent(left_clavicle)
    right_lungs, left_lungs = extent(right_lung), extent(left_lung)
    if right is None or left is None or right_lungs is None or left_lungs is None:
        return None
    right_end = _medial_end(right_clavicle, towards_right=True)
    left_end = _medial_end(left_clavicle, towards_right=False)
    top = max(right_lungs.top, left_lungs.top)
    bottom = min(right_lungs.bottom, left_lungs.bottom)
    height = (right_end[1] + left_end[1]) / 2
    reach = _ROWS_SHARE * (bottom - top)
    rows = np.arange(max(top, int(height - reach)), min(bottom, int(height + reach) + 1))
    rows = rows[right_lung[rows].any(axis=1) & left_lung[rows].any(axis=1)]
    if rows.size < _MIN_ROWS:
        return None
    width = right_lung.shape[1]
    inner_right = width - 1 - right_lung[rows][:, ::-1].argmax(axis=1)
    inner_left = left_lung[rows].argmax(axis=1)
    return Rotation(right_end, left_end, float(np.median((inner_right + inner_left) / 2)))


def _medial_end(clavicle: BoolMask, *, towards_right: bool) -> tuple[float, float]:
    """Centre of the most medial two hundredths of a clavicle's pixels."""
    y, x = np.nonzero(clavicle)
    share = 1 - _MEDIAL_SHARE if towards_right else _MEDIAL_SHARE
    limit = np.quantile(x, share)
    chosen = x >= limit if towards_right else x <= limit
    return float(x[chosen].mean()), float(y[chosen].mean())
