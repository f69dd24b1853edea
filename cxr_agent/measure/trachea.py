"""The trachea above the carina, whose width the aorta is compared with.

As CheXStruct (Lee et al., CXReasonBench, 2025): what lies above the carina, without its top
quarter; the width is that of the row of median width. CheXStruct takes a width from the first to
the last pixel's index, which is one pixel less than the distance of the walls that is used here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxr_agent.measure.extent import extent_of
from cxr_agent.measure.geometry import Line, NotMeasurable, Point, Scene
from cxr_agent.measure.walls import Walls, walls

_DISCARDED = 0.25
"""Share of the height at the top, where larynx and thoracic inlet bound the column of air."""


@dataclass(frozen=True, slots=True)
class Trachea:
    """The part of the trachea that is measured."""

    lumen: Walls
    """Above the carina and without the top quarter."""
    shape: tuple[int, int]
    """(rows, columns) of the grid."""

    @property
    def end(self) -> Point:
        """Lower end of the wall on the patient's right."""
        return float(self.lumen.left[-1]), float(self.lumen.bottom)

    @property
    def _median_row(self) -> int:
        return int(np.argsort(self.lumen.widths, kind="stable")[len(self.lumen) // 2])

    @property
    def width(self) -> float:
        """Of the row of median width (of the wider of two middle ones), in pixels."""
        return float(self.lumen.widths[self._median_row])

    @property
    def line(self) -> Line:
        """The width as it is drawn, from the patient's right to the left."""
        row = self._median_row
        y = float(self.lumen.rows[row]) + 0.5
        ends = (float(self.lumen.left[row]), y), (float(self.lumen.right[row]), y)
        return Line("trachea_width", ends, "trachea")

    @property
    def quantities(self) -> dict[str, float]:
        """``trachea_height`` as a share of the film's height; ``trachea_width`` and
        ``trachea_width_sd`` (over the rows) as shares of its width; ``trachea_width_px``."""
        rows, columns = self.shape
        return {
            "trachea_height": self.lumen.height / rows,
            "trachea_width": self.width / columns,
            "trachea_width_sd": float(self.lumen.widths.std()) / columns,
            "trachea_width_px": self.width,
        }


def trachea(scene: Scene) -> Trachea:
    """The measured part of ``trachea``: above the top of ``carina``, or, where that is not
    outlined, down to its own end.

    Raises
    ------
    NotMeasurable
        ``mask_missing``; ``trachea_unclear`` when nothing of it lies above the carina.
    """
    tube = walls(scene.mask("trachea"))
    if "carina" in scene.masks:
        tube = tube.above(extent_of(scene.masks["carina"]).top)
    if not len(tube):
        raise NotMeasurable("trachea_unclear")
    return Trachea(tube.below(tube.top + _DISCARDED * tube.height), scene.shape)
