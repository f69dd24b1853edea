"""PNG, JPEG and other files that are refused."""

# ruff: noqa: E501 (a case is a line)
from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from PIL import Image

from cxr_agent.testing.phantom import draw
from tests.cli.program import hand, levels
from tests.imaging.films import chunk, dicom, jpeg, png, ramp, saved, with_chunk

from .case import FilmCase

_STREAM: Final = "corrupt_compressed_stream"
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def _png(name: str, code: str, content: Callable[[], bytes], *also: str) -> FilmCase:
    return FilmCase(f"PNG {name}", content, code, also, ".png")


def _jpeg(name: str, code: str, content: Callable[[], bytes], *also: str) -> FilmCase:
    return FilmCase(f"JPEG {name}", content, code, also, ".jpg")


def _other(name: str, code: str, content: Callable[[], bytes], *also: str) -> FilmCase:
    return FilmCase(f"other {name}", content, code, also, ".png")


def _grey() -> bytes:
    return png(ramp(8))


def _header(
    columns: int, rows: int, bits: int = 8, colour: int = 0, last: bytes = b"\0\0\0"
) -> bytes:
    body = struct.pack(">II2B", columns, rows, bits, colour) + last
    return _SIGNATURE + chunk(b"IHDR", body)


def _whole(head: bytes, pixels: bytes, *before: bytes) -> bytes:
    return head + b"".join(before) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def _cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def _colours() -> Any:
    rows, columns = np.indices((96, 80))
    return np.dstack([rows * 2, columns * 3, 255 - rows]).astype(np.uint8)


def _side_bomb(kind: bytes, start: bytes) -> bytes:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    return with_chunk(_grey(), kind, start + packed)


PNGS: Final = (
    _png("of its signature alone", "truncated", lambda: _SIGNATURE),
    _png("cut in its header", "truncated", lambda: _grey()[:20]),
    _png("cut after its header", "truncated", lambda: _grey()[:33]),
    _png("cut at 90 percent", "truncated", lambda: _cut(_grey(), 0.9), _STREAM),
    _png("without IEND", "truncated", lambda: _grey()[:-12]),
    _png("without IDAT", "corrupt_header", lambda: _header(80, 96) + chunk(b"IEND", b"")),
    _png("with text line ends", "corrupt_header", lambda: _grey().replace(b"\r\n", b"\n", 1)),
    _png("with a bad header sum", "corrupt_header", lambda: _flip(_grey(), 31)),
    _png("with a bad pixel sum", _STREAM, lambda: _flip(_grey(), -15)),
    _png("of 0 columns", "corrupt_header", lambda: _whole(_header(0, 96), b"\0"), "too_small"),
    _png("of 2 x 2", "too_small", lambda: png(ramp(8)[:2, :2])),
    _png("of 30000 x 64", "too_large", lambda: _whole(_header(30_000, 64), bytes(64 * 30_001))),
    _png("of 4294967295 squared", "too_large",
         lambda: _whole(_header(0xFFFFFFFF, 0xFFFFFFFF), b"\0"), "corrupt_header"),
    _png("of 8000 x 8100", "too_large", lambda: _whole(_header(8100, 8000), b"\0")),
    _png("whose pixels unfold to too much", _STREAM,
         lambda: _whole(_header(80, 96), bytes(64 << 20))),
    _png("whose pixels are too few", _STREAM, lambda: _whole(_header(80, 96), bytes(81 * 90))),
    _png("whose pixels are no zlib", _STREAM,
         lambda: _header(80, 96) + chunk(b"IDAT", b"no zlib" * 99) + chunk(b"IEND", b"")),
    _png("with a filter of 9", _STREAM, lambda: _whole(_header(80, 96), (b"\x09" + bytes(80)) * 96)),
    _png("with another chunk between pixels", _STREAM, lambda: _split(b"tEXt")),
    _png("of bit depth 3", "corrupt_header", lambda: _whole(_header(80, 96, 3), bytes(99))),
    _png("of colour type 5", "corrupt_header", lambda: _whole(_header(80, 96, 8, 5), bytes(99))),
    _png("of compression 1", "corrupt_header",
         lambda: _whole(_header(80, 96, last=b"\1\0\0"), bytes(99))),
    _png("of interlace 2", "corrupt_header",
         lambda: _whole(_header(80, 96, last=b"\0\0\2"), bytes(99))),
    _png("of 2 bits", "low_bit_depth", lambda: _whole(_header(80, 96, 2), bytes(96 * 21))),
    _png("of 4 bits", "low_bit_depth", lambda: _whole(_header(80, 96, 4), bytes(96 * 41))),
    _png("palette without one", "corrupt_header",
         lambda: _whole(_header(80, 96, 8, 3), bytes(96 * 81))),
    _png("palette too short", _STREAM,
         lambda: _whole(_header(80, 96, 8, 3), (b"\0" + bytes(range(80))) * 96,
                        chunk(b"PLTE", bytes(range(30)))), "corrupt_header"),
    _png("palette of colours", "colour_image",
         lambda: saved(Image.fromarray(_colours()).quantize(64), "PNG")),
    _png("palette of 257", "corrupt_header",
         lambda: _whole(_header(80, 96, 8, 3), bytes(96 * 81), chunk(b"PLTE", bytes(771)))),
    _png("in colour", "colour_image", lambda: png(_colours())),
    _png("with half an alpha", "unsupported_format",
         lambda: png(np.dstack([ramp(8)] * 3 + [np.full((96, 80), 128, np.uint8)]))),
    _png("animated", "multi_frame", lambda: with_chunk(_grey(), b"acTL", struct.pack(">II", 5, 0))),
    _png("with an unknown critical chunk", "corrupt_header", lambda: with_chunk(_grey(), b"ABCD", b"")),
    _png("zTXt bomb", "metadata_bomb", lambda: _side_bomb(b"zTXt", b"a\0\0")),
    _png("iCCP bomb", "metadata_bomb", lambda: _side_bomb(b"iCCP", b"a\0\0")),
    _png("iTXt bomb", "metadata_bomb", lambda: _side_bomb(b"iTXt", b"a\0\1\0\0\0")),
    _png("with 20 MiB of text", "metadata_bomb",
         lambda: with_chunk(_grey(), b"tEXt", bytes(20 << 20))),
    _png("chunk of 4 GiB", "corrupt_header",
         lambda: _grey()[:33] + b"\xff\xff\xff\xffIDAT" + bytes(99)),
    _png("chunk of 2 GiB", "truncated", lambda: _grey()[:33] + b"\x7f\xff\xff\xffIDAT" + bytes(99)),
    _png("of 200,000 chunks", "metadata_bomb",
         lambda: _grey()[:33] + chunk(b"tEXt", b"") * 200_000 + _grey()[33:]),
    _png("black", "all_black", lambda: png(ramp(8) * 0)),
    _png("white", "blank", lambda: png(ramp(8) * 0 + 255)),
    _png("grey", "constant_image", lambda: png(ramp(8) * 0 + 99)),
    _png("black of 16 bits", "all_black", lambda: png(ramp(16) * 0)),
    _png("of three greys", "low_bit_depth", lambda: png(ramp(8) // 86 * 86)),
)  # fmt: skip


def _flip(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 0x10
    return bytes(changed)


def _split(kind: bytes) -> bytes:
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in ramp(8)))
    half = len(packed) // 2
    return (
        _header(80, 96)
        + chunk(b"IDAT", packed[:half])
        + chunk(kind, b"a\0b")
        + chunk(b"IDAT", packed[half:])
        + chunk(b"IEND", b"")
    )


def _photo(**options: Any) -> bytes:
    return jpeg(ramp(8), quality=90, **options)


def _resized(data: bytes, rows: int, columns: int) -> bytes:
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", rows, columns) + data[at + 4 :]


def _many_scans() -> bytes:
    """A progressive film whose last scan comes 300 times."""
    data = _photo(progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * 300 + b"\xff\xd9"


JPEGS: Final = (
    _jpeg("of its signature alone", "truncated", lambda: b"\xff\xd8\xff"),
    _jpeg("cut in its header", "truncated", lambda: _photo()[:90]),
    _jpeg("cut at 90 percent", "truncated", lambda: _cut(_photo(), 0.9), _STREAM),
    _jpeg("without its end", "truncated", lambda: _photo()[:-2]),
    _jpeg("of start and end", "corrupt_header", lambda: b"\xff\xd8\xff\xd9"),
    _jpeg("without a frame", "corrupt_header", lambda: _photo().replace(b"\xff\xc0", b"\xff\xe9", 1)),
    _jpeg("of 65535 squared", "too_large", lambda: _resized(_photo(), 65535, 65535)),
    _jpeg("of 0 rows", "corrupt_header", lambda: _resized(_photo(), 0, 80)),
    _jpeg("of 8 x 8", "too_small", lambda: jpeg(ramp(8)[:8, :8])),
    _jpeg("of more rows than there are", _STREAM, lambda: _resized(_photo(), 960, 80)),
    _jpeg("of fewer rows than there are", _STREAM, lambda: _resized(_photo(), 64, 80)),
    _jpeg("in colour", "colour_image", lambda: jpeg(_colours(), quality=90)),
    _jpeg("CMYK", "colour_image",
          lambda: saved(Image.fromarray(_colours()).convert("CMYK"), "JPEG")),
    _jpeg("with 17 MiB of comments", "metadata_bomb",
          lambda: b"\xff\xd8" + (b"\xff\xfe\xff\xff" + bytes(65533)) * 272 + _photo()[2:]),
    _jpeg("with 50 MiB of fill bytes", "metadata_bomb",
          lambda: b"\xff\xd8" + b"\xff" * (50 << 20) + _photo()[2:]),
    _jpeg("of 200,000 segments", "metadata_bomb",
          lambda: b"\xff\xd8" + b"\xff\xdd\0\4\0\0" * 200_000 + _photo()[2:]),
    _jpeg("of 300 scans", "metadata_bomb", _many_scans, _STREAM),
    _jpeg("segment shorter than its length field", "corrupt_header",
          lambda: b"\xff\xd8\xff\xe0\0\1" + _photo()[2:]),
    _jpeg("lossless", "unsupported_format",
          lambda: _photo().replace(b"\xff\xc0", b"\xff\xc3", 1), _STREAM),
    _jpeg("arithmetic", "unsupported_format", lambda: _photo().replace(b"\xff\xc0", b"\xff\xc9", 1)),
    _jpeg("of 12 bits", "unsupported_format",
          lambda: _photo().replace(b"\xff\xc0\0\x0b\x08", b"\xff\xc1\0\x0b\x0c", 1)),
    _jpeg("two frames", "corrupt_header",
          lambda: _photo()[:-2] + b"\xff\xc0\0\x0b\x08\0\x60\0\x50\1\1\x11\0\xff\xd9", _STREAM),
    _jpeg("with zeros for pixels", _STREAM, lambda: _zeroed(_photo())),
    _jpeg("black", "all_black", lambda: jpeg(ramp(8) * 0)),
    _jpeg("grey", "constant_image", lambda: jpeg(ramp(8) * 0 + 120)),
)  # fmt: skip


def _zeroed(data: bytes) -> bytes:
    at = data.index(b"\xff\xda") + 10
    return data[:at] + bytes(len(data) - at - 2) + b"\xff\xd9"


def _zip(inner: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("film.dcm", inner)
    return file.getvalue()


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("../../film.dcm")
        entry.size = 9
        archive.addfile(entry, io.BytesIO(b"some film"))
    return file.getvalue()


def _saved(kind: str, **options: Any) -> Callable[[], bytes]:
    return lambda: saved(Image.fromarray(ramp(8)), kind, **options)


_PDF: Final = b"%PDF-1.7\n1 0 obj <</OpenAction <</S /JavaScript /JS (app.alert(1))>> >> endobj\n"

OTHERS: Final = (
    _other("nothing", "empty_file", bytes),
    _other("one byte", "not_an_image", lambda: b"\x89", "truncated"),
    _other("one line feed", "not_an_image", lambda: b"\n"),
    _other("4 GiB of zeros in gzip", "archive_file", lambda: gzip.compress(bytes(32 << 20))),
    _other("zip of a film", "archive_file", lambda: _zip(dicom())),
    _other("zip bomb", "archive_file", lambda: _zip(bytes(64 << 20))),
    _other("empty zip", "archive_file", lambda: b"PK\5\6" + bytes(18)),
    _other("tar", "archive_file", _tar),
    _other("bzip2", "archive_file", lambda: bz2.compress(dicom())),
    _other("xz", "archive_file", lambda: lzma.compress(dicom())),
    _other("7z", "archive_file", lambda: b"7z\xbc\xaf\x27\x1c" + bytes(99)),
    _other("PDF", "not_an_image", lambda: _PDF * 9),
    _other("ELF", "not_an_image", lambda: b"\x7fELF\2\1\1" + bytes(500)),
    _other("JSON", "not_an_image", lambda: b'{"image": [1, 2, 3]}' * 9),
    _other("XML bomb", "not_an_image", lambda: b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>' * 9),
    _other("script", "not_an_image", lambda: b"#!/bin/sh\nrm -rf /tmp/nothing\n"),
    _other("pickle", "not_an_image", lambda: b"\x80\x04\x95\x1c\0\0\0\0\0\0\0\x8c\x05posix" + bytes(99)),
    _other("random bytes", "not_an_image", lambda: np.random.default_rng(5).bytes(70_000)),
    _other("zeros", "not_an_image", lambda: bytes(70_000)),
    _other("SQLite", "not_an_image", lambda: b"SQLite format 3\0" + bytes(4000)),
    _other("UTF-16 text", "not_an_image", lambda: "Der Befund. ".encode("utf-16") * 30),
    _other("BMP", "unsupported_format", _saved("BMP")),
    _other("GIF", "unsupported_format", _saved("GIF"), "multi_frame"),
    _other("TIFF", "unsupported_format", _saved("TIFF")),
    _other("WebP", "unsupported_format", _saved("WEBP")),
    _other("JPEG 2000 file", "unsupported_format", _saved("JPEG2000")),
    _other("PGM", "unsupported_format", _saved("PPM")),
    _other("icon", "unsupported_format", _saved("ICO")),
    _other("TGA", "unsupported_format", _saved("TGA"), "not_an_image"),
    _other("NumPy array", "unsupported_format", lambda: _numpy()),
    _other("HEIC", "unsupported_format", lambda: b"\0\0\0\x18ftypheic" + bytes(200)),
    _other("AVIF", "unsupported_format", lambda: b"\0\0\0\x1cftypavif" + bytes(200)),
    _other("NIfTI", "unsupported_format", lambda: b"\x5c\1\0\0" + bytes(340) + b"n+1\0" + bytes(99)),
    _other("JPEG-LS file", "unsupported_format", lambda: b"\xff\xd8\xff\xf7\0\x0b\x08" + bytes(90)),
    _other("HDF5", "unsupported_format", lambda: b"\x89HDF\r\n\x1a\n" + bytes(200)),
)  # fmt: skip


def _numpy() -> bytes:
    file = io.BytesIO()
    np.save(file, ramp(8))
    return file.getvalue()


def _chest() -> Any:
    return levels(draw(size=384).pixels, 8)


def _drawn_hand() -> bytes:
    return png(hand(384))


LOOKED_AT: Final = (
    FilmCase("film a hand", _drawn_hand, "not_chest", (), ".png"),
    FilmCase("film turned right", lambda: png(np.ascontiguousarray(np.rot90(_chest(), -1))),
             "turned_picture", ("not_chest",), ".png"),
    FilmCase("film turned left", lambda: png(np.ascontiguousarray(np.rot90(_chest()))),
             "turned_picture", ("not_chest",), ".png"),
    FilmCase("film upside down", lambda: png(np.ascontiguousarray(_chest()[::-1, ::-1])),
             "turned_picture", ("not_chest",), ".png"),
    FilmCase("film inverted", lambda: png(255 - _chest()), "inverted_greys", ("not_chest",), ".png"),
    FilmCase("film of noise", lambda: png(np.random.default_rng(3).integers(
        0, 256, (300, 300)).astype(np.uint8)), "not_chest", (), ".png"),
    FilmCase("film a gradient", lambda: png(np.tile(np.arange(256, dtype=np.uint8), (256, 1))),
             "not_chest", ("turned_picture",), ".png"),
    FilmCase("film a checkerboard", lambda: png(_checks()), "not_chest", (), ".png"),
    FilmCase("film of a corner", lambda: png(np.ascontiguousarray(_chest()[:110, :110])),
             "not_chest", ("turned_picture",), ".png"),
    FilmCase("film of a text page", lambda: png(_page()), "not_chest", (), ".png"),
)  # fmt: skip
"""Refused for what the picture shows."""


def _checks() -> Any:
    rows, columns = np.indices((320, 320)) // 20
    grain = np.random.default_rng(2).integers(0, 30, (320, 320))
    return ((rows + columns) % 2 * 200 + grain).astype(np.uint8)


def _page() -> Any:
    from PIL import ImageDraw

    page = Image.new("L", (400, 500), 250)
    pen = ImageDraw.Draw(page)
    for line in range(20, 480, 16):
        pen.text((20, line), "The heart is of normal size. The lungs are clear.", fill=line % 90)
    return np.asarray(page)


PICTURES: Final = (*PNGS, *JPEGS, *OTHERS)
