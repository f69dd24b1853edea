"""From the bytes of a DICOM file to its data set: preamble, meta information, encoding.

References
----------
DICOM PS3.10 chapter 7 (file format); PS3.5 annex A (transfer syntaxes).
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cxr_agent.errors import InputCode
from cxr_agent.imaging.dicom_elements import LONG_VRS, SHORT_VRS, DataSetReader
from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.dicom_values import Header
from cxr_agent.imaging.limits import (
    MAX_DIRECTORY_ELEMENTS,
    MAX_ELEMENTS,
    MAX_INFLATED_BYTES,
    MIB,
)
from cxr_agent.imaging.refusal import refusal
from cxr_agent.study import Notice

_MAX_META_BYTES: Final = 1 * MIB
_VRS: Final = frozenset(vr.encode("ascii") for vr in SHORT_VRS | LONG_VRS)
_MEDIA_DIRECTORY: Final = "1.2.840.10008.1.3.10"


class Syntax(StrEnum):
    """The transfer syntaxes that are read (PS3.6 table A-1)."""

    IMPLICIT_LITTLE = "1.2.840.10008.1.2"
    EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
    DEFLATED = "1.2.840.10008.1.2.1.99"
    EXPLICIT_BIG = "1.2.840.10008.1.2.2"
    JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
    JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
    JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
    JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
    JPEG_LS = "1.2.840.10008.1.2.4.80"
    JPEG_LS_NEAR = "1.2.840.10008.1.2.4.81"
    JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
    JPEG_2000 = "1.2.840.10008.1.2.4.91"
    HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
    HTJ2K_LOSSLESS_RPCL = "1.2.840.10008.1.2.4.202"
    HTJ2K = "1.2.840.10008.1.2.4.203"
    RLE = "1.2.840.10008.1.2.5"

    @property
    def native(self) -> bool:
        """Whether the pixels lie there uncompressed."""
        return self in _NATIVE


_NATIVE: Final = frozenset(
    {Syntax.IMPLICIT_LITTLE, Syntax.EXPLICIT_LITTLE, Syntax.DEFLATED, Syntax.EXPLICIT_BIG}
)


@dataclass(frozen=True, slots=True)
class DicomFile:
    """A data set and what was unusual around it."""

    header: Header
    reader: DataSetReader
    syntax: Syntax
    notices: frozenset[Notice]


@dataclass(frozen=True, slots=True)
class _Meta:
    """File meta information: where the data set begins and how it is said to be encoded."""

    end: int
    syntax_uid: str | None
    sop_class: str
    repaired: bool


def read_dicom_file(
    data: bytes, *, stop_after: Tag | None = None, directory: bool = False
) -> DicomFile:
    """Find and read the data set.

    Parameters
    ----------
    data
        The whole file, or its beginning with ``stop_after``.
    stop_after
        Do not read elements after this one, nor pixels.
    directory
        Read a DICOM directory too.

    Raises
    ------
    InputError
        ``dicomdir``, ``unknown_transfer_syntax``, and what
        :class:`~cxr_agent.imaging.dicom_elements.DataSetReader` raises.
    """
    notices: set[Notice] = set()
    start = 0
    if data[128:132] == b"DICM":
        start = 132
        if data[:128].strip(b"\0"):
            notices.add(Notice.SUSPICIOUS_PREAMBLE)
    elif data.startswith(b"DICM"):
        start = 4
        notices.add(Notice.HEADER_REPAIRED)
    meta = _read_meta(data, start)
    if meta.sop_class == _MEDIA_DIRECTORY and not directory:
        raise refusal(InputCode.DICOMDIR)
    declared = _declared(meta.syntax_uid)
    body, cut = data[meta.end :], False
    if declared is Syntax.DEFLATED:
        body, cut = _inflate(body)
    syntax = _encoding(body, declared)
    if meta.repaired or (meta.end > start and syntax is not declared):
        notices.add(Notice.HEADER_REPAIRED)
    reader = DataSetReader(
        body,
        explicit=syntax is not Syntax.IMPLICIT_LITTLE,
        little=syntax is not Syntax.EXPLICIT_BIG,
        cut=cut,
        most=MAX_DIRECTORY_ELEMENTS if directory else MAX_ELEMENTS,
    )
    elements = reader.read(stop_after=stop_after)
    if not elements:
        raise refusal(InputCode.TRUNCATED)
    if not directory and any(tag >> 16 == 0x0004 for tag in elements):
        raise refusal(InputCode.DICOMDIR)
    if reader.out_of_order or reader.odd_length:
        notices.add(Notice.HEADER_REPAIRED)
    if reader.unreadable_tail:
        notices.add(Notice.TRAILING_DATA)
    return DicomFile(Header(elements, reader.little), reader, syntax, frozenset(notices))


def _read_meta(data: bytes, start: int) -> _Meta:
    """Group 0002, always explicit VR little endian; its stated length is checked, not used."""
    position, stated, uid, sop_class = start, None, None, ""
    group_2_from: int | None = None
    seen: set[int] = set()
    while data[position : position + 2] == b"\x02\x00":
        if position + 8 > len(data):
            raise refusal(InputCode.TRUNCATED)
        element = int.from_bytes(data[position + 2 : position + 4], "little")
        vr = data[position + 4 : position + 6]
        if vr not in _VRS:
            raise refusal(InputCode.CORRUPT_HEADER)
        if element in seen:
            raise refusal(InputCode.DUPLICATE_TAGS)
        seen.add(element)
        long = vr.decode("ascii") in LONG_VRS
        at, size = (8, 4) if long else (6, 2)
        value_at = position + at + size
        length = int.from_bytes(data[position + at : value_at], "little")
        if length > _MAX_META_BYTES:
            raise refusal(InputCode.CORRUPT_HEADER)
        if value_at + length > len(data):
            raise refusal(InputCode.TRUNCATED)
        value = data[value_at : value_at + length]
        position = value_at + length
        if element == 0x0000:
            stated, group_2_from = int.from_bytes(value, "little"), position
        elif element == Tag.TRANSFER_SYNTAX_UID & 0xFFFF:
            uid = _uid(value)
        elif element == Tag.MEDIA_SOP_CLASS_UID & 0xFFFF:
            sop_class = _uid(value)
    has_meta = position > start
    wrong = has_meta and (stated is None or stated != position - (group_2_from or 0))
    missing = start > 0 and (not has_meta or not uid)
    return _Meta(position, uid, sop_class, wrong or missing)


def _uid(value: bytes) -> str:
    if not value.isascii():
        raise refusal(InputCode.CORRUPT_HEADER)
    return value.decode("ascii").strip(" \0")


def _declared(uid: str | None) -> Syntax | None:
    if not uid:
        return None
    try:
        return Syntax(uid)
    except ValueError:
        raise refusal(InputCode.UNKNOWN_TRANSFER_SYNTAX) from None


def _encoding(body: bytes, declared: Syntax | None) -> Syntax:
    """The encoding that the first element shows, where it contradicts the declared one.

    Only between the uncompressed ones: the pixels of another file could not be decoded anyway.
    """
    explicit = body[4:6] in _VRS
    little_group = int.from_bytes(body[0:2], "little")
    big_group = int.from_bytes(body[0:2], "big")
    if explicit and big_group in range(0x0008, 0x0030) and little_group > 0x00FF:
        shown = Syntax.EXPLICIT_BIG
    elif explicit:
        shown = Syntax.EXPLICIT_LITTLE
    else:
        shown = Syntax.IMPLICIT_LITTLE
    if declared is None:
        return shown
    if not declared.native:
        if shown is not Syntax.EXPLICIT_LITTLE and len(body) > 8:
            raise refusal(InputCode.CORRUPT_HEADER)
        return declared
    if declared is Syntax.DEFLATED:
        return declared
    if shown is Syntax.IMPLICIT_LITTLE and not _plausible_implicit(body):
        return declared
    return shown


_FIRST_LENGTH: Final = 4096


def _plausible_implicit(body: bytes) -> bool:
    group = int.from_bytes(body[0:2], "little")
    length = int.from_bytes(body[4:8], "little")
    return group == 0x0008 and length <= _FIRST_LENGTH and not re.match(rb"[A-Z]{2}", body[4:6])


def _inflate(body: bytes) -> tuple[bytes, bool]:
    """Inflate a deflated data set (PS3.5 A.5); the flag says that it was stopped as too long."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(body, MAX_INFLATED_BYTES)
    except zlib.error:
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM) from None
    if inflater.eof:
        return plain, False
    if inflater.unconsumed_tail or len(plain) >= MAX_INFLATED_BYTES:
        return plain, True
    raise refusal(InputCode.TRUNCATED)
