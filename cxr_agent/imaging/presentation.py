"""From stored numbers to presentation grey: one table for all values that a pixel can have.

A film has at most 16 bits, so every rule (rescale, lookup tables, windows, inversion, padding)
is applied in double precision to the 2**bits possible values and the picture is looked up once.
The histogram over the same values answers every question about range and blankness exactly.

References
----------
DICOM PS3.3 C.11.1 (Modality LUT), C.11.2 (VOI LUT), C.11.6 (Presentation LUT Shape),
C.7.6.3.1.2 (Photometric Interpretation), C.7.5.1.1.2 (Pixel Padding Value).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import InputCode
from cxr_agent.imaging.limits import MIN_GREY_LEVELS
from cxr_agent.imaging.refusal import refusal
from cxr_agent.study import FloatImage

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Indices = NDArray[np.uint8] | NDArray[np.uint16]
"""One number for each pixel, (rows, columns)."""

_PERCENTILES: Final = (0.005, 0.995)
_FULL_RANGE_SHARE: Final = 0.4
_MIN_WINDOW_SHARE: Final = 0.05
_MIN_CONTRAST_SHARE: Final = 0.02
_LARGEST: Final = 1e12
_SMALLEST_SLOPE: Final = 1e-9
_STRIP: Final = 1 << 16
"""Pixels that are looked up at once: NumPy copies their indices at eight bytes each, and these
stay in the processor's cache."""


class VoiFunction(StrEnum):
    """VOI LUT Function (0028,1056)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """One pair of Window Center (0028,1050) and Window Width (0028,1051)."""

    centre: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR

    @property
    def usable(self) -> bool:
        """PS3.3 C.11.2.1.2: a width of at least 1 for LINEAR, above 0 for the others."""
        if not (np.isfinite(self.centre) and np.isfinite(self.width)):
            return False
        if max(abs(self.centre), abs(self.width)) > _LARGEST:
            return False
        return self.width > 1 if self.function is VoiFunction.LINEAR else self.width > 0

    @property
    def edges(self) -> tuple[float, float]:
        """The inputs that become black and white; for SIGMOID, those of its tangent."""
        if self.function is VoiFunction.LINEAR:
            middle, half = self.centre - 0.5, (self.width - 1) / 2
        else:
            middle, half = self.centre, self.width / 2
        return middle - half, middle + half

    def apply(self, values: Values) -> Values:
        """Grey in [0, 1]."""
        if self.function is VoiFunction.SIGMOID:
            exponent = np.clip(-4 * (values - self.centre) / self.width, -700, 700)
            curve: Values = 1 / (1 + np.exp(exponent))
            return curve
        low, high = self.edges
        grey: Values = np.clip((values - low) / (high - low), 0, 1)
        return grey


@dataclass(frozen=True, slots=True, eq=False)
class LookupTable:
    """An item of the Modality or VOI LUT Sequence (PS3.3 C.11.1.1)."""

    first: int
    """Input that is mapped to the first entry."""
    entries: NDArray[np.int64]
    bits: int
    """Depth of the entries."""

    def apply(self, values: Values) -> Values:
        """The entries for ``values``; what lies outside gets the first or last one."""
        index = np.clip(np.rint(values) - self.first, 0, self.entries.size - 1)
        found: Values = self.entries[index.astype(np.intp)].astype(np.float64)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """How a header wants its stored values shown."""

    slope: float = 1.0
    intercept: float = 0.0
    modality_lut: LookupTable | None = None
    voi_lut: LookupTable | None = None
    windows: tuple[Window, ...] = ()
    inverted: bool = False
    """Low values are white: MONOCHROME1 or Presentation LUT Shape INVERSE, counted once."""
    padding: tuple[int, int] | None = None
    """First and last stored value that stands for no picture, both included."""
    raw: bool = False
    """For processing: detector values without a meaning of black and white."""
    whole_range: bool = False
    """The value range itself is black to white, whatever part of it is used."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The table from stored index to grey, and whether a window had to be passed over."""

    table: NDArray[np.float32] = field(repr=False)
    bad_window: bool = False


def histogram(indices: Indices, levels: int) -> Counts:
    """How often each index occurs; counted in strips to bound memory."""
    if indices.dtype == np.uint8 and levels == 256:
        from PIL import Image

        return np.array(Image.fromarray(indices).histogram(), dtype=np.int64)
    flat = indices.reshape(-1)
    counts = np.zeros(levels, dtype=np.int64)
    for start in range(0, flat.size, _STRIP):
        counts += np.bincount(flat[start : start + _STRIP], minlength=levels)
    return counts


def show(stored: Values, counts: Counts, recipe: Recipe) -> Shown:
    """The grey of every value that a pixel can have.

    Parameters
    ----------
    stored : (levels,) float64
        The stored value that each index means, sign included.
    counts : (levels,) int64
        How many pixels have it.
    recipe
        Rules from the header.

    Returns
    -------
    Shown
        ``table`` is (levels,) float32 in [0, 1], bone white, padding black.

    Raises
    ------
    InputError
        ``all_black``, ``blank``, ``constant_image``, ``low_bit_depth``, ``non_finite_rescale``.
    """
    padded = np.zeros(stored.shape, dtype=np.bool_)
    if recipe.padding is not None:
        first, last = recipe.padding
        padded = (stored >= first) & (stored <= last)
        if not counts[~padded].any():
            padded[:] = False
    used = np.where(padded, 0, counts)
    _check_content(stored, used, recipe)
    values = _modality(stored, recipe)
    grey, bad_window = _voi(values, used, recipe)
    if recipe.inverted:
        grey = 1 - grey
    grey = np.where(padded, 0.0, grey)
    return Shown(grey.astype(np.float32), bad_window)


def look_up(indices: Indices, shown: Shown) -> FloatImage:
    """The picture: (rows, columns) float32 in [0, 1]."""
    # With intp indices the whole picture would be copied at eight bytes a pixel.
    pixels = np.empty(indices.shape, dtype=np.float32)
    rows_at_once = max(1, _STRIP // max(1, indices.shape[1]))
    for row in range(0, indices.shape[0], rows_at_once):
        part = slice(row, row + rows_at_once)
        np.take(shown.table, indices[part], out=pixels[part], mode="clip")
    return pixels


def _check_content(stored: Values, used: Counts, recipe: Recipe) -> None:
    """Refuse a picture that shows nothing, by its stored values."""
    low, high = _percentiles(stored, used)
    if low == high:
        black, white = stored.min(), stored.max()
        if recipe.inverted:
            black, white = white, black
        if low == black or (low == 0 and not recipe.inverted):
            raise refusal(InputCode.ALL_BLACK)
        if low == white or (low == 0 and recipe.inverted):
            raise refusal(InputCode.BLANK)
        raise refusal(InputCode.CONSTANT_IMAGE)
    if np.count_nonzero(used) < MIN_GREY_LEVELS:
        raise refusal(InputCode.LOW_BIT_DEPTH)


def _percentiles(values: Values, used: Counts) -> tuple[float, float]:
    """The values at 0.5 % and 99.5 % of the pixels."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(used[order])
    total = share[-1]
    low, high = np.searchsorted(share, [_PERCENTILES[0] * total, _PERCENTILES[1] * total], "left")
    last = values.size - 1
    return float(values[order[min(low, last)]]), float(values[order[min(high, last)]])


def _modality(stored: Values, recipe: Recipe) -> Values:
    if recipe.modality_lut is not None:
        return recipe.modality_lut.apply(stored)
    slope, intercept = recipe.slope, recipe.intercept
    if not (np.isfinite(slope) and np.isfinite(intercept)) or abs(slope) < _SMALLEST_SLOPE:
        raise refusal(InputCode.NON_FINITE_RESCALE)
    if max(abs(slope), abs(intercept)) > _LARGEST:
        raise refusal(InputCode.NON_FINITE_RESCALE)
    values = stored * slope + intercept
    if np.unique(values).size < stored.size:  # the intercept swallowed the slope
        raise refusal(InputCode.NON_FINITE_RESCALE)
    return values


def _voi(values: Values, used: Counts, recipe: Recipe) -> tuple[Values, bool]:
    low, high = _percentiles(values, used)
    if recipe.voi_lut is not None:
        grey = recipe.voi_lut.apply(values) / (2**recipe.voi_lut.bits - 1)
        return np.clip(grey, 0, 1), False
    for window in recipe.windows:
        if window.usable and _shows(window, low, high):
            return window.apply(values), False
    return _without_window(values, low, high, recipe), bool(recipe.windows)


def _shows(window: Window, low: float, high: float) -> bool:
    """Whether a window leaves something of the picture to see: not clipped away, not flat."""
    first, last = window.edges
    overlap = min(last, high) - max(first, low)
    if high <= low or overlap <= 0:
        return False
    return (
        overlap / (high - low) >= _MIN_WINDOW_SHARE
        and overlap / (last - first) >= _MIN_CONTRAST_SHARE
    )


def _without_window(values: Values, low: float, high: float, recipe: Recipe) -> Values:
    """The whole range where the picture fills much of it, else the 0.5 to 99.5 percentiles.

    Minimum and maximum alone are set by markers, collimator edges and dead pixels.
    """
    first, last = float(values.min()), float(values.max())
    fills = high - low >= _FULL_RANGE_SHARE * (last - first)
    if recipe.whole_range or (fills and not recipe.raw):
        low, high = first, last
    if high <= low:
        raise refusal(InputCode.CONSTANT_IMAGE)
    return np.clip((values - low) / (high - low), 0, 1)
