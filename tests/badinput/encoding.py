"""DICOM written byte by byte: what no library would write."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.imaging.films import DX, ramp

LONG: Final = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "SQ", "UN", "UT", "UC", "UR"})
UNDEFINED: Final = 0xFFFFFFFF
EXPLICIT: Final = "1.2.840.10008.1.2.1"
BITS: Final = 12
_SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"


def element(tag: int, vr: str, value: bytes = b"", *, length: int | None = None) -> bytes:
    """One element, explicit VR little endian; a length of its own is a lie."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode("latin-1")
    stated = len(value) if length is None else length
    if vr in LONG:
        return head + b"\0\0" + struct.pack("<I", stated) + value
    return head + struct.pack("<H", stated & 0xFFFF) + value


def text(tag: int, vr: str, value: str) -> bytes:
    data = value.encode("latin-1")
    return element(tag, vr, data + (b"\0" if vr == "UI" else b" ") * (len(data) % 2))


def short(tag: int, value: int) -> bytes:
    return element(tag, "US", struct.pack("<H", value))


def meta(syntax: str = EXPLICIT, *, sop_class: str = DX) -> bytes:
    """Preamble and file meta information."""
    body = b"".join(
        (
            element(0x00020001, "OB", b"\0\1"),
            text(0x00020002, "UI", sop_class),
            text(0x00020003, "UI", "1.2.3.4"),
            text(0x00020010, "UI", syntax),
        )
    )
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(body))) + body


def elements(pixels: NDArray[np.uint16] | None = None) -> dict[int, bytes]:
    """The elements of a right DX film by tag, to be changed."""
    grey = ramp(BITS) if pixels is None else pixels
    return {
        0x00080016: text(0x00080016, "UI", DX),
        0x00080018: text(0x00080018, "UI", "1.2.3.4"),
        0x00080060: text(0x00080060, "CS", "DX"),
        0x00180015: text(0x00180015, "CS", "CHEST"),
        0x00185101: text(0x00185101, "CS", "PA"),
        0x00280002: short(0x00280002, 1),
        0x00280004: text(0x00280004, "CS", "MONOCHROME2"),
        0x00280010: short(0x00280010, grey.shape[0]),
        0x00280011: short(0x00280011, grey.shape[1]),
        0x00280100: short(0x00280100, 16),
        0x00280101: short(0x00280101, BITS),
        0x00280102: short(0x00280102, BITS - 1),
        0x00280103: short(0x00280103, 0),
        0x7FE00010: element(0x7FE00010, "OW", grey.astype("<u2").tobytes()),
    }


def film(changes: dict[int, bytes] | None = None, *, syntax: str = EXPLICIT) -> bytes:
    """A film with elements put in place of, or beside, the right ones."""
    every = {**elements(), **(changes or {})}
    return meta(syntax) + b"".join(every[tag] for tag in sorted(every))


def fragments(stream: bytes, *, offsets: bytes = b"", end: bool = True, pieces: int = 1) -> bytes:
    """Encapsulated pixels (PS3.5 A.4)."""
    size = -(-len(stream) // pieces)
    size = max(2, size + size % 2)
    parts = [stream[at : at + size] for at in range(0, len(stream), size)] or [b""]
    items = [offsets, *(part + b"\0" * (len(part) % 2) for part in parts)]
    body = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(one)) + one for one in items)
    tail = b"\xfe\xff\xdd\xe0\0\0\0\0" if end else b""
    return element(0x7FE00010, "OB", body + tail, length=UNDEFINED)


def compressed(syntax: str, stream: bytes, **how: object) -> bytes:
    """A film whose pixels are a stream."""
    return film({0x7FE00010: fragments(stream, **how)}, syntax=syntax)  # type: ignore[arg-type]


def nested(depth: int, *, delimited: bool) -> bytes:
    """Sequences in sequences."""
    inner = b""
    for _ in range(depth):
        if delimited:
            item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + inner + b"\xfe\xff\x0d\xe0\0\0\0\0"
            inner = element(0x00082218, "SQ", item + b"\xfe\xff\xdd\xe0\0\0\0\0", length=UNDEFINED)
        else:
            item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(inner)) + inner
            inner = element(0x00082218, "SQ", item)
    return inner


def nested_in_un(depth: int) -> bytes:
    """Sequences in implicit VR inside a private element of VR UN (PS3.5 6.2.2)."""
    inner = b""
    for _ in range(depth):
        item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + inner + b"\xfe\xff\x0d\xe0\0\0\0\0"
        inner = struct.pack("<HHI", 0x0009, 0x1010, UNDEFINED) + item + _SEQUENCE_END
    return element(0x00091010, "UN", inner[8:], length=UNDEFINED)
