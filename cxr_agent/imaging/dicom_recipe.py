"""What a DICOM header says about turning stored values into grey.

References
----------
DICOM PS3.3 C.11.1 (Modality LUT), C.11.2 (VOI LUT), C.11.6 (Presentation LUT Shape),
C.7.5.1.1.2 (Pixel Padding Value).
"""

from __future__ import annotations

import itertools
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import InputCode
from cxr_agent.imaging.dicom_pixels import PixelLayout
from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.dicom_values import Header
from cxr_agent.imaging.header_rules import is_for_processing
from cxr_agent.imaging.presentation import LookupTable, Recipe, Values, VoiFunction, Window
from cxr_agent.imaging.refusal import refusal

_MOST_ENTRIES: Final = 1 << 16
_ENTRY_BITS: Final = range(8, 17)


def stored_values(layout: PixelLayout) -> Values:
    """The stored value behind each index: (2**bits,) float64, two's complement if signed."""
    values = np.arange(1 << layout.bits, dtype=np.float64)
    if layout.signed:
        values[1 << (layout.bits - 1) :] -= 1 << layout.bits
    return values


def recipe(header: Header, layout: PixelLayout) -> Recipe:
    """Read the modality LUT, VOI LUT, windows, inversion and padding.

    Raises
    ------
    InputError
        ``bad_lut`` for a table that contradicts its descriptor, ``non_finite_rescale`` for a
        slope or intercept that is not one number.
    """
    slope = _single(header, Tag.RESCALE_SLOPE, 1.0)
    intercept = _single(header, Tag.RESCALE_INTERCEPT, 0.0)
    modality_lut = _lookup_table(header, Tag.MODALITY_LUT_SEQUENCE, signed=layout.signed)
    # The input of a VOI LUT is the output of the modality LUT, PS3.3 C.11.2.1.1.
    negative = modality_lut is None and (layout.signed or intercept < 0 or slope < 0)
    shape = header.text(Tag.PRESENTATION_LUT_SHAPE).upper()
    return Recipe(
        slope=slope,
        intercept=intercept,
        modality_lut=modality_lut,
        voi_lut=_lookup_table(header, Tag.VOI_LUT_SEQUENCE, signed=negative),
        windows=_windows(header),
        inverted=layout.monochrome1 or shape == "INVERSE",
        padding=_padding(header, layout),
        raw=is_for_processing(header),
    )


def _single(header: Header, tag: Tag, default: float) -> float:
    if not header.filled(tag):
        return default
    values = header.decimals(tag)
    if len(values) != 1 or not math.isfinite(values[0]):
        raise refusal(InputCode.NON_FINITE_RESCALE)
    return values[0]


def _windows(header: Header) -> tuple[Window, ...]:
    """Every pair; a centre without a width, or the reverse, is a window that cannot be used."""
    try:
        function = VoiFunction(header.text(Tag.VOI_LUT_FUNCTION).upper())
    except ValueError:
        function = VoiFunction.LINEAR  # the default, PS3.3 C.11.2.1.2
    pairs = itertools.zip_longest(
        header.decimals(Tag.WINDOW_CENTER), header.decimals(Tag.WINDOW_WIDTH), fillvalue=math.nan
    )
    return tuple(Window(centre, width, function) for centre, width in pairs)


def _padding(header: Header, layout: PixelLayout) -> tuple[int, int] | None:
    value = header.shorts(Tag.PIXEL_PADDING_VALUE, signed=layout.signed)
    if value.size != 1:
        return None
    limit = header.shorts(Tag.PIXEL_PADDING_RANGE_LIMIT, signed=layout.signed)
    ends = [int(value[0]), int(limit[0]) if limit.size == 1 else int(value[0])]
    return min(ends), max(ends)


def _lookup_table(header: Header, tag: Tag, *, signed: bool) -> LookupTable | None:
    """The table in the first item; further items are alternatives to it."""
    item = next(header.items(tag), None)
    if item is None or not item.elements:
        return None
    descriptor = item.elements.get(Tag.LUT_DESCRIPTOR)
    unsigned = item.shorts(Tag.LUT_DESCRIPTOR)
    if descriptor is None or unsigned.size != 3:
        raise refusal(InputCode.BAD_LUT)
    if descriptor.vr:
        signed = descriptor.vr == "SS"
    count = int(unsigned[0]) or _MOST_ENTRIES  # zero stands for 65536
    first = int(item.shorts(Tag.LUT_DESCRIPTOR, signed=signed)[1])
    bits = int(unsigned[2])
    if bits not in _ENTRY_BITS:
        raise refusal(InputCode.BAD_LUT)
    entries = _entries(item, count, bits)
    if entries.max() >= 1 << bits or entries.min() == entries.max():
        raise refusal(InputCode.BAD_LUT)
    return LookupTable(first, entries, bits)


def _entries(item: Header, count: int, bits: int) -> NDArray[np.int64]:
    """The entries, one in each word, or for 8 bits packed two in a word (PS3.3 C.11.1.1.1)."""
    raw = item.raw(Tag.LUT_DATA)
    if len(raw) == 2 * count:
        return item.shorts(Tag.LUT_DATA)
    if bits == 8 and count > 1 and len(raw) == count + count % 2:
        words = item.shorts(Tag.LUT_DATA).astype("<u2")  # the first entry is the low byte
        return words.view(np.uint8)[:count].astype(np.int64)
    raise refusal(InputCode.BAD_LUT)
