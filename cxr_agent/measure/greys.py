"""What the grey values inside the outlines say about exposure and polarity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxr_agent.measure.extent import BoolMask
from cxr_agent.measure.ranks import median
from cxr_agent.study import FloatImage

_RIM = 1 / 255


@dataclass(frozen=True, slots=True)
class Greys:
    """Grey levels in [0, 1]; bone is white."""

    lung_median: float
    heart_median: float
    clipped_share: float
    """Share of lung pixels that are fully black or fully white: lost detail."""

    @property
    def contrast(self) -> float:
        """Heart minus lungs; negative on a film whose greys are inverted."""
        return self.heart_median - self.lung_median


def greys(pixels: FloatImage, lungs: BoolMask, heart: BoolMask) -> Greys | None:
    """Measure; None when a structure is missing."""
    if not lungs.any() or not heart.any():
        return None
    inside = pixels[lungs]
    clipped = (inside <= _RIM) | (inside >= 1 - _RIM)
    share = int(np.count_nonzero(clipped)) / clipped.size
    return Greys(median(inside), median(pixels[heart]), share)
