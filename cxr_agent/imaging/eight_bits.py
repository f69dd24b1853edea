"""A film in the 256 greys that it is shown in."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.study import FloatImage

Greys = NDArray[np.uint8]

_ROWS: Final = 32
"""Brought to eight bits at a time: what they take in between stays in the processor's cache."""
_WHITE: Final = 255


def eight_bits(pixels: FloatImage | Greys) -> Greys:
    """Values in [0, 1] as 0 to 255, rounded; what is beyond is cut off.

    A film that is in eight bits already is returned as it is.
    """
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    greys = np.empty(pixels.shape, dtype=np.uint8)
    for start in range(0, len(pixels), _ROWS):
        part = slice(start, start + _ROWS)
        greys[part] = np.rint(np.clip(pixels[part], 0, 1) * _WHITE)
    return greys
