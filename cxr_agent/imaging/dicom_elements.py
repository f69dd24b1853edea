"""A strict reader of the DICOM data element encoding (PS3.5 chapter 7).

pydicom is made to read whatever it can, recurses over sequences, keeps the last of two equal
tags and takes 0.27 s to import. Here a fault in the encoding is an error, depth and amount are
bounded, and no value is interpreted: elements are slices of the file.
"""

# ruff: noqa: SIM905 (a list of words is easier to read as words)
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cxr_agent.errors import InputCode
from cxr_agent.imaging.dicom_tags import ALLOWED_VRS, SEQUENCES, Tag
from cxr_agent.imaging.limits import (
    MAX_CHUNKS,
    MAX_ELEMENTS,
    MAX_HEADER_BYTES,
    MAX_NESTING,
    MIB,
)
from cxr_agent.imaging.refusal import refusal

UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
_TRAILING_PADDING: Final = 0xFFFCFFFC

SHORT_VRS: Final = frozenset(
    "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
)
LONG_VRS: Final = frozenset("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_VRS: Final = {vr.encode("ascii"): vr for vr in SHORT_VRS | LONG_VRS}
_ASCII_VRS: Final = frozenset("AS CS DA DS DT IS TM UI".split())
_UNIT_BYTES: Final = {
    "US": 2, "SS": 2, "OW": 2, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "OL": 4, "AT": 4,
    "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8,
}  # fmt: skip

_LONG_SHORT_VALUE: Final = 4096
"""Dates, codes and names do not get near this length; a damaged one usually does."""


@dataclass(frozen=True, slots=True)
class Element:
    """One data element: a slice of the file, or the items of a sequence."""

    vr: str
    """Two letters; empty in implicit VR."""
    value: bytes | memoryview = b""
    items: tuple[Mapping[int, Element], ...] = ()
    undefined: bool = False
    """The length was not stated: a sequence, or encapsulated pixels starting at ``start``."""
    start: int = 0
    """Offset of the value in the data set's bytes."""


@dataclass(slots=True)
class DataSetReader:
    """Reads one data set.

    Parameters
    ----------
    data
        The bytes that hold the data set.
    explicit, little
        The encoding: VRs written out, and byte order.
    cut
        ``data`` is only the beginning, because inflation was stopped: an element that runs
        over the end is then too large rather than truncated.
    """

    data: bytes
    explicit: bool = True
    little: bool = True
    cut: bool = False
    out_of_order: bool = False
    odd_length: bool = False
    most: int = MAX_ELEMENTS
    """Elements and items that are read."""
    unreadable_tail: bool = False
    """What follows the pixels is no data element."""
    _count: int = field(default=0, init=False)

    def read(self, position: int = 0, *, stop_after: int | None = None) -> dict[int, Element]:
        """The elements from ``position`` on, up to the end of the data.

        With ``stop_after`` reading ends at that tag or the first one above it, and before the
        pixels, which then need not be there.

        Raises
        ------
        InputError
            ``corrupt_header``, ``truncated``, ``duplicate_tags``, ``nesting_too_deep``,
            ``metadata_bomb``, ``too_large``.
        """
        elements: dict[int, Element] = {}
        end = len(self.data)
        previous = -1
        while position < end:
            if previous == Tag.PIXEL_DATA and not self._is_element(position):
                self.unreadable_tail = True
                break
            if previous < Tag.PIXEL_DATA and position > MAX_HEADER_BYTES:
                raise refusal(InputCode.METADATA_BOMB)
            if stop_after is not None and self._tag(position) == Tag.PIXEL_DATA:
                break
            tag, element, position = self._element(position, end, depth=0)
            if tag in elements:
                raise refusal(InputCode.DUPLICATE_TAGS)
            if tag < previous:
                if not self.explicit:  # without VRs this is how garbage shows
                    raise refusal(InputCode.CORRUPT_HEADER)
                self.out_of_order = True
            elements[tag] = element
            if stop_after is not None and tag >= stop_after:
                break
            previous = max(previous, tag)
            if tag == Tag.PIXEL_DATA:
                position = self._after_pixels(element, position)
        return elements

    def _after_pixels(self, pixels: Element, position: int) -> int:
        """Where the element after the pixels begins."""
        if not pixels.undefined:
            return position
        for _ in range(MAX_CHUNKS):
            if position + 8 > len(self.data):
                raise refusal(InputCode.TOO_LARGE if self.cut else InputCode.TRUNCATED)
            tag = self._tag(position)
            length = self._uint(position + 4, 4)
            position += 8
            if tag == _SEQUENCE_END:
                return position
            if tag != _ITEM or length == UNDEFINED:
                raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
            position += length
            if position > len(self.data):
                raise refusal(InputCode.TRUNCATED)
        raise refusal(InputCode.METADATA_BOMB)

    def fragments(self, pixels: Element) -> list[memoryview]:
        """The items of encapsulated pixels, basic offset table first (PS3.5 A.4)."""
        found: list[memoryview] = []
        view = memoryview(self.data)
        position = pixels.start
        while self._tag(position) == _ITEM:
            length = self._uint(position + 4, 4)
            found.append(view[position + 8 : position + 8 + length])
            position += 8 + length
        return found

    def _uint(self, position: int, size: int) -> int:
        order = "little" if self.little else "big"
        return int.from_bytes(self.data[position : position + size], order)  # type: ignore[arg-type]

    def _tag(self, position: int) -> int:
        return self._uint(position, 2) << 16 | self._uint(position + 2, 2)

    def _is_element(self, position: int) -> bool:
        """Whether something that can be a data element begins here."""
        if position + 8 > len(self.data):
            return False
        tag = self._tag(position)
        known = not self.explicit or self.data[position + 4 : position + 6] in _VRS
        return known and tag >= Tag.PIXEL_DATA  # the pixels again are no tail, but a fault

    def _element(self, position: int, end: int, *, depth: int) -> tuple[int, Element, int]:
        """Tag and content of the element at ``position``, and where the next one begins."""
        self._count += 1
        if self._count > self.most:
            raise refusal(InputCode.METADATA_BOMB)
        if position + 8 > end:
            raise refusal(self._overrun(depth))
        tag = self._tag(position)
        group = tag >> 16
        if group in (0x0000, 0x0001, 0x0002, 0x0003, 0x0005, 0x0007, 0xFFFE, 0xFFFF):
            raise refusal(InputCode.CORRUPT_HEADER)
        vr = ""
        if self.explicit:
            known = _VRS.get(self.data[position + 4 : position + 6])
            if known is None:
                raise refusal(InputCode.CORRUPT_HEADER)
            vr = known
            if vr in SHORT_VRS:
                length, position = self._uint(position + 6, 2), position + 8
            else:
                if position + 12 > end:
                    raise refusal(self._overrun(depth))
                length, position = self._uint(position + 8, 4), position + 12
        else:
            length, position = self._uint(position + 4, 4), position + 8
        self._check_vr(tag, vr)
        if length == UNDEFINED:
            return self._undefined(tag, vr, position, end, depth)
        if position + length > end:
            raise refusal(self._overrun_of(tag, length, depth, vr))
        if length % 2 and tag != _TRAILING_PADDING:
            self.odd_length = True
        if vr == "SQ" or (tag in SEQUENCES and vr in ("", "UN")):
            items, position = self._sequence(position, position + length, depth, vr)
            return tag, Element("SQ", items=items), position
        value = memoryview(self.data)[position : position + length]
        _check_value(vr, value)
        return tag, Element(vr, value, start=position), position + length

    def _undefined(
        self, tag: int, vr: str, position: int, end: int, depth: int
    ) -> tuple[int, Element, int]:
        if tag == Tag.PIXEL_DATA and depth == 0:
            if vr not in ("OB", "OW", "UN", ""):
                raise refusal(InputCode.CORRUPT_HEADER)
            return tag, Element(vr, undefined=True, start=position), position
        if vr in ("OB", "OW"):  # encapsulated pixels of an icon
            return tag, Element(vr), self._skip_items(position, end)
        if vr not in ("SQ", "UN", ""):
            raise refusal(InputCode.CORRUPT_HEADER)
        items, position = self._sequence(position, end, depth, vr, delimited=True)
        return tag, Element("SQ", items=items, undefined=True), position

    def _skip_items(self, position: int, end: int) -> int:
        while position + 8 <= end:
            tag, length = self._tag(position), self._uint(position + 4, 4)
            position += 8
            if tag == _SEQUENCE_END:
                return position
            if tag != _ITEM or length == UNDEFINED:
                raise refusal(InputCode.CORRUPT_HEADER)
            position += length
        raise refusal(InputCode.TRUNCATED)

    def _sequence(
        self, position: int, end: int, depth: int, vr: str, *, delimited: bool = False
    ) -> tuple[tuple[Mapping[int, Element], ...], int]:
        if depth >= MAX_NESTING:
            raise refusal(InputCode.NESTING_TOO_DEEP)
        # A sequence hidden in UN is implicit VR little endian whatever surrounds it (PS3.5 6.2.2).
        kept = self.explicit, self.little
        if vr == "UN":
            self.explicit, self.little = False, True
        try:
            items: list[Mapping[int, Element]] = []
            while delimited or position < end:
                if position + 8 > end:
                    raise refusal(self._overrun(depth))
                tag, length = self._tag(position), self._uint(position + 4, 4)
                position += 8
                if tag == _SEQUENCE_END and delimited:
                    break
                if tag != _ITEM:
                    raise refusal(InputCode.CORRUPT_HEADER)
                item, position = self._item(position, end, length, depth + 1)
                items.append(item)
        finally:
            self.explicit, self.little = kept
        return tuple(items), position

    def _item(
        self, position: int, end: int, length: int, depth: int
    ) -> tuple[Mapping[int, Element], int]:
        self._count += 1
        if self._count > self.most:
            raise refusal(InputCode.METADATA_BOMB)
        delimited = length == UNDEFINED
        if not delimited:
            if position + length > end:
                raise refusal(self._overrun_of(_ITEM, length, depth))
            end = position + length
        elements: dict[int, Element] = {}
        while delimited or position < end:
            if delimited and position + 8 <= end and self._tag(position) == _ITEM_END:
                position += 8
                break
            tag, element, position = self._element(position, end, depth=depth)
            if tag in elements:
                raise refusal(InputCode.DUPLICATE_TAGS)
            elements[tag] = element
        return elements, position

    def _check_vr(self, tag: int, vr: str) -> None:
        if vr and vr != "UN":
            allowed = ALLOWED_VRS.get(tag)
            if allowed is not None and vr not in allowed:
                raise refusal(InputCode.CORRUPT_HEADER)

    def _overrun(self, depth: int) -> InputCode:
        if self.cut:
            return InputCode.METADATA_BOMB
        return InputCode.CORRUPT_HEADER if depth else InputCode.TRUNCATED

    def _overrun_of(self, tag: int, length: int, depth: int, vr: str = "") -> InputCode:
        """What it means that a value runs over the end: a cut file, or a damaged length."""
        if length % 2 or (vr in SHORT_VRS and length > _LONG_SHORT_VALUE):
            return InputCode.CORRUPT_HEADER
        if self.cut:
            return InputCode.TOO_LARGE if tag == Tag.PIXEL_DATA else InputCode.METADATA_BOMB
        if tag == Tag.PIXEL_DATA:
            return InputCode.TRUNCATED
        return InputCode.TRUNCATED if length <= 4 * MIB else InputCode.CORRUPT_HEADER


def _check_value(vr: str, value: memoryview) -> None:
    """Refuse what the VR cannot hold (PS3.5 table 6.2-1)."""
    unit = _UNIT_BYTES.get(vr)
    if unit is not None and vr != "OW" and len(value) % unit:
        raise refusal(InputCode.CORRUPT_HEADER)
    if vr in _ASCII_VRS and not bytes(value).isascii():
        raise refusal(InputCode.CORRUPT_HEADER)
