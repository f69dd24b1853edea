"""Stored grey levels with the writing in them painted black."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.imaging.dicom_pixels import PixelLayout
from cxr_agent.imaging.presentation import Indices
from cxr_agent.imaging.text_regions import BoolMask, text_regions
from cxr_agent.study import FloatImage

_SHOWN: Final = (0.5, 99.5)
"""Percentiles between which a viewer shows a film."""
_WIDER: Final = 1.3
"""The whole range is looked at as well where it is so much wider than what is shown."""


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """``values`` is (rows, columns) as stored, ``mask`` where it was painted."""

    values: NDArray[Any]
    mask: BoolMask


def without_writing(values: NDArray[Any], *, black: int | None = None) -> Masked:
    """Paint writing over.

    Parameters
    ----------
    values
        (rows, columns), any integers.
    black
        What is painted; the lowest level that occurs where it is not given.
    """
    mask = np.zeros(values.shape, dtype=np.bool_)
    for picture in _pictures(values):
        mask |= text_regions(picture)
    if not mask.any():
        return Masked(values, mask)
    painted = values.copy()
    painted[mask] = values.min() if black is None else black
    return Masked(painted, mask)


def signed_values(indices: Indices, layout: PixelLayout) -> NDArray[Any]:
    """The stored bits as the numbers that they stand for, at the size in which they are stored."""
    if not layout.signed:
        return indices
    spare = 8 * indices.itemsize - layout.bits
    kind = np.int8 if indices.itemsize == 1 else np.int16
    up: NDArray[Any] = np.left_shift(indices, indices.dtype.type(spare)).view(kind)
    values: NDArray[Any] = np.right_shift(up, kind(spare))
    return values


def _pictures(values: NDArray[Any]) -> list[FloatImage]:
    """The levels as they are seen in [0, 1]: as a viewer shows them, and the whole range."""
    low, high = (float(level) for level in np.percentile(values, _SHOWN))
    least, most = float(values.min()), float(values.max())
    pictures = []
    if high > low:
        pictures.append(_scaled(values, low, high))
    if most > least and most - least > _WIDER * (high - low):
        pictures.append(_scaled(values, least, most))
    return pictures


def _scaled(values: NDArray[Any], low: float, high: float) -> FloatImage:
    scaled = (values.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    picture: FloatImage = np.clip(scaled, 0, 1)
    return picture
