"""Turning, mirroring and inverting a film: what the view model must notice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def changed(
    square: NDArray[np.uint8],
    reach: NDArray[np.float32],
    *,
    quarters: int,
    mirrored: bool,
    inverted: bool,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A film on its square, first mirrored, then turned counter-clockwise by quarters."""
    if inverted:
        square = 255 - square
    if mirrored:
        square = square[:, ::-1]
    square = np.rot90(square, quarters)
    return np.ascontiguousarray(square), reach[::-1] if quarters % 2 else reach
