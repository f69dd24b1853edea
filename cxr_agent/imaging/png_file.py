"""A strict reader of the PNG container; the pixels themselves are left to a decoder.

Decoders skip what they do not know, and take checksums, order and surplus lightly. Here every
chunk is checked, and only the four that carry pixels are handed on: no text, profile or
animation ever reaches a decoder.

References
----------
W3C, Portable Network Graphics (PNG) Specification, third edition: 5 (datastream structure),
7.2 and 8 (scanlines and interlacing), 11 (chunks).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from cxr_agent.errors import InputCode
from cxr_agent.imaging.checks import check_size
from cxr_agent.imaging.limits import MAX_CHUNKS, MAX_METADATA_BYTES, MIB, MIN_BITS
from cxr_agent.imaging.refusal import refusal
from cxr_agent.imaging.sniff import PNG_SIGNATURE
from cxr_agent.imaging.synthetic import is_mark_chunk


class Colour(IntEnum):
    """PNG colour type."""

    GREY = 0
    RGB = 2
    PALETTE = 3
    GREY_ALPHA = 4
    RGB_ALPHA = 6

    @property
    def samples(self) -> int:
        """Numbers stored for each pixel."""
        return _SAMPLES[self]


_SAMPLES: Final = {
    Colour.GREY: 1,
    Colour.RGB: 3,
    Colour.PALETTE: 1,
    Colour.GREY_ALPHA: 2,
    Colour.RGB_ALPHA: 4,
}
_DEPTHS: Final = {
    Colour.GREY: (1, 2, 4, 8, 16),
    Colour.RGB: (8, 16),
    Colour.PALETTE: (1, 2, 4, 8),
    Colour.GREY_ALPHA: (8, 16),
    Colour.RGB_ALPHA: (8, 16),
}
_ADAM7: Final = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
"""Row and column of the first pixel, row and column step, for each pass of an interlaced file."""
_LARGEST_LENGTH: Final = (1 << 31) - 1
_SLICE: Final = 1 << 16
_KEPT_BYTES: Final = 64 * MIB
"""Inflated pixels that are handed on; more are inflated a second time."""


@dataclass(frozen=True, slots=True)
class PngFile:
    """What the container says, and the part of it that carries pixels."""

    rows: int
    columns: int
    bits: int
    colour: Colour
    palette: bytes
    """Red, green and blue of each entry."""
    transparency: bytes
    """Content of ``tRNS``: alpha of the palette entries, or the value that is transparent."""
    exif: bytes
    pixel_chunks: bytes = field(repr=False)
    """A PNG file with nothing but IHDR, PLTE, IDAT and IEND."""
    trailing_data: bool
    synthetic: bool
    """Whether a text chunk says so."""


def read_png(data: bytes) -> PngFile:
    """Check every chunk and the amount of pixels.

    Raises
    ------
    InputError
        ``truncated``, ``corrupt_header``, ``corrupt_compressed_stream``, ``multi_frame`` for an
        animation, ``metadata_bomb``, ``too_large``, ``too_small``, ``low_bit_depth``.
    """
    return _PngWalk(data).walk()


@dataclass(slots=True)
class _PngWalk:
    data: bytes
    header: tuple[int, int, int, Colour, bool] | None = None
    palette: bytes = b""
    transparency: bytes = b""
    exif: bytes = b""
    metadata: int = 0
    synthetic: bool = False
    pixels: list[memoryview] = field(default_factory=list)
    pixels_ended: bool = False

    def walk(self) -> PngFile:
        end = 0
        for kind, body, position in _chunks(self.data):
            if self.header is None:
                self._header(kind, body)
            elif kind == b"IDAT":
                if self.pixels_ended:
                    raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
                self.pixels.append(body)
            else:
                self.pixels_ended = bool(self.pixels)
                self._beside_pixels(kind, bytes(body))
            end = position
        assert self.header is not None
        rows, columns, bits, colour, interlaced = self.header
        if not self.pixels or (colour is Colour.PALETTE and not self.palette):
            raise refusal(InputCode.CORRUPT_HEADER)
        expected = _inflated_bytes(rows, columns, bits, colour, interlaced)
        inflated = _checked_pixels(self.pixels, expected)
        return PngFile(
            rows,
            columns,
            bits,
            colour,
            self.palette,
            self.transparency,
            self.exif,
            pixel_chunks=self._rebuilt(inflated),
            trailing_data=end < len(self.data),
            synthetic=self.synthetic,
        )

    def _header(self, kind: bytes, body: memoryview) -> None:
        if kind != b"IHDR" or len(body) != 13:
            raise refusal(InputCode.CORRUPT_HEADER)
        columns, rows = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
        bits, type_number, compression, filtering, interlace = body[8:]
        check_size(rows, columns)
        try:
            colour = Colour(type_number)
        except ValueError:
            raise refusal(InputCode.CORRUPT_HEADER) from None
        if bits not in _DEPTHS[colour] or compression or filtering or interlace > 1:
            raise refusal(InputCode.CORRUPT_HEADER)
        if bits < MIN_BITS:
            raise refusal(InputCode.LOW_BIT_DEPTH)
        self.header = rows, columns, bits, colour, bool(interlace)

    def _beside_pixels(self, kind: bytes, body: bytes) -> None:
        if kind in (b"acTL", b"fcTL", b"fdAT"):
            raise refusal(InputCode.MULTI_FRAME)
        if kind == b"PLTE":
            if self.palette or self.pixels or not body or len(body) % 3 or len(body) > 3 * 256:
                raise refusal(InputCode.CORRUPT_HEADER)
            self.palette = body
            return
        if kind == b"IEND":
            if body:
                raise refusal(InputCode.CORRUPT_HEADER)
            return
        if not kind[0] & 0x20:  # critical, and unknown: the picture cannot be understood
            raise refusal(InputCode.CORRUPT_HEADER)
        self.metadata += len(body)
        if self.metadata > MAX_METADATA_BYTES:
            raise refusal(InputCode.METADATA_BOMB)
        self.synthetic = self.synthetic or is_mark_chunk(kind, body)
        if kind == b"tRNS":
            self._transparency(body)
        elif kind == b"eXIf":
            self.exif = self.exif or body
        else:
            self.metadata += _inflated_side_data(kind, body, MAX_METADATA_BYTES - self.metadata)

    def _transparency(self, body: bytes) -> None:
        assert self.header is not None
        colour = self.header[3]
        fits = {
            Colour.GREY: len(body) == 2,
            Colour.RGB: len(body) == 6,
            Colour.PALETTE: len(body) <= len(self.palette) // 3,
        }
        if self.transparency or self.pixels or not fits.get(colour, False):
            raise refusal(InputCode.CORRUPT_HEADER)
        self.transparency = body

    def _rebuilt(self, inflated: bytes) -> bytes:
        parts = [PNG_SIGNATURE, self.data[8:33]]
        if self.palette:
            parts.append(_chunk(b"PLTE", self.palette))
        if inflated:
            parts.append(_chunk(b"IDAT", zlib.compress(inflated, zlib.Z_NO_COMPRESSION)))
        else:
            parts += (_chunk(b"IDAT", part) for part in self.pixels)
        parts.append(_chunk(b"IEND", b""))
        return b"".join(parts)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, int]]:
    """Kind, body and end of each chunk up to IEND, their checksums verified."""
    view = memoryview(data)
    position = len(PNG_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if position + 12 > len(data):
            raise refusal(InputCode.TRUNCATED)
        length = int.from_bytes(view[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        if length > _LARGEST_LENGTH or not (kind.isalpha() and kind.isascii()):
            raise refusal(InputCode.CORRUPT_HEADER)
        end = position + 12 + length
        if end > len(data):
            raise refusal(InputCode.TRUNCATED)
        if zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            pixels = kind == b"IDAT"
            raise refusal(
                InputCode.CORRUPT_COMPRESSED_STREAM if pixels else InputCode.CORRUPT_HEADER
            )
        yield kind, view[position + 8 : end - 4], end
        if kind == b"IEND":
            return
        position = end
    raise refusal(InputCode.METADATA_BOMB)


def _chunk(kind: bytes, body: bytes | memoryview) -> bytes:
    checksum = zlib.crc32(body, zlib.crc32(kind))
    return b"".join((len(body).to_bytes(4, "big"), kind, bytes(body), checksum.to_bytes(4, "big")))


def _inflated_bytes(rows: int, columns: int, bits: int, colour: Colour, interlaced: bool) -> int:
    """How many bytes the IDAT chunks unfold to: a filter byte and the pixels of each line."""
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for row, column, row_step, column_step in passes:
        lines = -(-(rows - row) // row_step)
        width = -(-(columns - column) // column_step)
        if lines > 0 and width > 0:
            total += lines * (1 + (width * colour.samples * bits + 7) // 8)
    return total


def _checked_pixels(parts: list[memoryview], expected: int) -> bytes:
    """Inflate in small steps and count: neither fewer nor more than the header promises.

    Returns
    -------
    bytes
        What was inflated, so that nobody needs to do so again; empty where it would take too much.
    """
    inflater = zlib.decompressobj()
    count = 0
    kept: list[bytes] = []
    keep = kept.append if expected <= _KEPT_BYTES else lambda piece: None
    try:
        for part in parts:
            for start in range(0, len(part), _SLICE):
                piece: bytes | memoryview = part[start : start + _SLICE]
                while piece and not inflater.eof:
                    inflated = inflater.decompress(piece, MIB)
                    count += len(inflated)
                    keep(inflated)
                    piece = inflater.unconsumed_tail
                    if count > expected:
                        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
        while not inflater.eof and (rest := inflater.decompress(b"", MIB)):
            count += len(rest)
            keep(rest)
    except zlib.error:
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM) from None
    if count != expected or not inflater.eof:  # the end carries the checksum of the pixels
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    return b"".join(kept)


def _inflated_side_data(kind: bytes, body: bytes, allowed: int) -> int:
    """Size of a compressed text or profile, which is never kept."""
    if kind in (b"zTXt", b"iCCP"):
        packed = body.partition(b"\0")[2][1:]
    elif kind == b"iTXt":
        after = body.partition(b"\0")[2]
        if after[:1] != b"\x01":
            return 0
        packed = after[2:].partition(b"\0")[2].partition(b"\0")[2]
    else:
        return 0
    try:
        size = len(zlib.decompressobj().decompress(packed, allowed + 1))
    except zlib.error:
        return 0  # a text that nobody will read
    if size > allowed:
        raise refusal(InputCode.METADATA_BOMB)
    return size
