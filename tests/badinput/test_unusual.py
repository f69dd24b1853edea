"""Files that are unusual but right are read as the plain one is, pixel by pixel."""

# ruff: noqa: E501 (a case is a line)
from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from cxr_agent.imaging import Decoder
from cxr_agent.imaging.decode import decode_bytes
from cxr_agent.imaging.sniff import SNIFF_BYTES, sniff
from tests.imaging.films import chunk, dicom, jpeg, png, ramp, read, saved, with_chunk

from . import encoding as raw
from .dicom_films import encapsulated, stream
from .lossless import lossless_jpeg

PLAIN: Final = read(dicom()).pixels
PLAIN_8: Final = read(png(ramp(8))).pixels
_BASELINE: Final = "1.2.840.10008.1.2.4.50"
_LOSSLESS: Final = "1.2.840.10008.1.2.4.57"
_LOSSLESS_1: Final = "1.2.840.10008.1.2.4.70"
_J2K: Final = "1.2.840.10008.1.2.4.91"
_NEAR: Final = "1.2.840.10008.1.2.4.81"
_META: Final = len(raw.meta())


def _big_endian() -> bytes:
    return dicom(ramp().astype(">u2"), syntax=ExplicitVRBigEndian)


def _bare(data: bytes) -> bytes:
    """The data set alone."""
    at = data.index(b"\x08\0\x16\0", 140)
    return data[at:]


def _icon() -> bytes:
    inner = b"".join(
        (
            raw.short(0x00280010, 64),
            raw.short(0x00280011, 64),
            raw.element(0x7FE00010, "OW", bytes(64 * 64)),
        )
    )
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(inner)) + inner
    return raw.element(0x00880200, "SQ", item)


def _overlay() -> bytes:
    return b"".join(
        (
            raw.short(0x60000010, 96),
            raw.short(0x60000011, 80),
            raw.element(0x60003000, "OW", bytes(96 * 80 // 8)),
        )
    )


def _pieces(syntax: str, count: int, *, offsets: bytes = b"", tail: bytes = b"") -> bytes:
    whole = stream(syntax) + tail
    return raw.film(
        {0x7FE00010: raw.fragments(whole, pieces=count, offsets=offsets)}, syntax=syntax
    )


def _jp2() -> bytes:
    """The code stream in the boxes of a .jp2 file."""
    return saved(Image.fromarray(ramp()), "JPEG2000", irreversible=False)


def _wide(level: int = 0) -> dict[int, bytes]:
    """As the plain film, in a number of bits that its values do not need."""
    return {
        0x00280101: raw.short(0x00280101, 16),
        0x00280102: raw.short(0x00280102, 15),
        0x00281050: raw.text(0x00281050, "DS", "2048"),
        0x00281051: raw.text(0x00281051, "DS", "4096"),
    }


DICOM: Final[dict[str, Callable[[], bytes]]] = {
    "implicit VR": lambda: dicom(syntax=ImplicitVRLittleEndian),
    "implicit VR, data set alone": lambda: _bare(dicom(syntax=ImplicitVRLittleEndian)),
    "explicit VR, data set alone": lambda: raw.film()[_META:],
    "meta without preamble": lambda: raw.film()[132:],
    "DICM without preamble": lambda: raw.film()[128:],
    "big endian": _big_endian,
    "deflated": lambda: dicom(syntax=DeflatedExplicitVRLittleEndian),
    "RLE": lambda: dicom(compress=RLELossless),
    "JPEG-LS": lambda: dicom(compress=JPEGLSLossless),
    "JPEG 2000": lambda: dicom(compress=JPEG2000Lossless),
    "JPEG lossless": lambda: encapsulated(_LOSSLESS, lossless_jpeg(ramp(), 12)),
    "JPEG lossless, first order": lambda: encapsulated(_LOSSLESS_1, lossless_jpeg(ramp(), 12)),
    "JPEG lossless, predicted from above": lambda: encapsulated(
        _LOSSLESS, lossless_jpeg(ramp(), 12, predictor=2)
    ),
    "JPEG lossless of 16 bits": lambda: encapsulated(_LOSSLESS_1, lossless_jpeg(ramp(), 16)),
    "JPEG 2000 in boxes": lambda: encapsulated(JPEG2000Lossless, _jp2()),
    "JPEG 2000 under the lossy name": lambda: encapsulated(_J2K, stream(JPEG2000Lossless)),
    "JPEG-LS under the lossy name": lambda: encapsulated(_NEAR, stream(JPEGLSLossless)),
    "JPEG-LS in five fragments": lambda: _pieces(JPEGLSLossless, 5),
    "JPEG 2000 in two fragments": lambda: _pieces(JPEG2000Lossless, 2),
    "JPEG 2000 with an offset table": lambda: _pieces(JPEG2000Lossless, 1, offsets=bytes(4)),
    "JPEG 2000 padded": lambda: _pieces(JPEG2000Lossless, 1, tail=bytes(6)),
    "JPEG-LS padded": lambda: _pieces(JPEGLSLossless, 1, tail=bytes(6)),
    "RLE with an offset table": lambda: _pieces(RLELossless, 1, offsets=bytes(4)),
    "sixteen bits that need twelve": lambda: raw.film(_wide()),
    "signed": lambda: dicom(
        (ramp().astype(np.int32) - 2048).astype(np.int16), RescaleIntercept="2048", RescaleSlope="1"
    ),
    "MONOCHROME1": lambda: dicom(4095 - ramp(), PhotometricInterpretation="MONOCHROME1"),
    "inverse by the presentation LUT": lambda: dicom(4095 - ramp(), PresentationLUTShape="INVERSE"),
    "rescaled": lambda: dicom(RescaleSlope="2.5", RescaleIntercept="-1000"),
    "a slope below zero": lambda: dicom(4095 - ramp(), RescaleSlope="-1", RescaleIntercept="4095"),
    "window of the whole range": lambda: dicom(WindowCenter="2048", WindowWidth="4096"),
    "two windows": lambda: dicom(WindowCenter=["2048", "100"], WindowWidth=["4096", "20"]),
    "numbers with spaces": lambda: raw.film(
        {0x00281053: raw.text(0x00281053, "DS", " 1.0 "), 0x00281052: raw.text(0x00281052, "DS", "0 ")}
    ),
    "one frame, stated": lambda: dicom(NumberOfFrames=1),
    "a sequence of undefined length": lambda: raw.film(
        {0x00082218: raw.nested(3, delimited=True)}
    ),
    "31 sequences deep": lambda: raw.film({0x00082218: raw.nested(31, delimited=False)}),
    "an empty sequence": lambda: raw.film({0x00082218: raw.element(0x00082218, "SQ")}),
    "a sequence in UN": lambda: raw.film({0x00091010: raw.nested_in_un(3)}),
    "private elements": lambda: raw.film(
        {
            0x00090010: raw.text(0x00090010, "LO", "SOMEBODY"),
            0x00091001: raw.element(0x00091001, "UN", b"\1\2\3\4"),
        }
    ),
    "a group length": lambda: raw.film({0x00080000: raw.element(0x00080000, "UL", b"\x10\0\0\0")}),
    "rows in UN": lambda: raw.film({0x00280010: raw.element(0x00280010, "UN", b"\x60\0")}),
    "a padded end": lambda: raw.film() + raw.element(0xFFFCFFFC, "OB", bytes(64)),
    "a thumbnail": lambda: raw.film({0x00880200: _icon()}),
    "an overlay beside": lambda: raw.film({0x60000010: _overlay()}),
    "a curve": lambda: raw.film({0x50003000: raw.element(0x50003000, "OW", bytes(40))}),
    "Chinese text": lambda: dicom(SpecificCharacterSet="GB18030", PatientName="王^小东"),
    "Greek text": lambda: dicom(SpecificCharacterSet="ISO_IR 126", PatientName="Διον"),
    "script in its tags": lambda: dicom(
        PatientName="<script>alert(1)</script>", StudyDescription="'; DROP TABLE films; --"
    ),
    "a template in its tags": lambda: dicom(StudyDescription="{{7*7}} ${x} %s %n", PatientID="%00"),
    "a preamble of TIFF": lambda: b"II*\0" + raw.film()[4:],
    "a preamble of PNG": lambda: b"\x89PNG\r\n\x1a\n" + raw.film()[8:],
    "elements out of order": lambda: raw.meta()
    + b"".join(
        value for _, value in sorted(raw.elements().items(), key=lambda one: one[0] ^ 0x00080000)
        if value
    ),
}  # fmt: skip
"""As the plain film, in other clothes."""


@pytest.mark.parametrize("name", DICOM)
def test_dicom(name: str) -> None:
    np.testing.assert_allclose(
        read(DICOM[name]()).pixels, PLAIN, atol=2e-4 if "16" in name else 1e-6
    )


def _palette(**options: Any) -> bytes:
    picture = Image.fromarray(ramp(8), "P")
    picture.putpalette([grey for n in range(256) for grey in (n, n, n)])
    return saved(picture, "PNG", **options)


def _crumbs() -> bytes:
    """Every byte of the pixels in a chunk of its own, with empty ones between."""
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in ramp(8)), 0)
    head = png(ramp(8))[:33]
    parts = [
        chunk(b"IDAT", packed[n : n + 7]) + chunk(b"IDAT", b"") for n in range(0, len(packed), 7)
    ]
    return head + b"".join(parts) + chunk(b"IEND", b"")


def _alpha(*bands: Any) -> Any:
    return np.dstack([*bands, np.full_like(bands[0], np.iinfo(bands[0].dtype).max)])


def _deep(colour: int, samples: int, *, last: int | None = None) -> bytes:
    """A PNG of 16 bits with several samples, which Pillow does not write."""
    grey = ramp(16).astype(">u2")
    bands = [grey] * samples
    if last is not None:
        bands[-1] = np.full_like(grey, last)
    lines = np.stack(bands, axis=-1).astype(">u2")  # stacking makes them native
    body = struct.pack(">II5B", 80, 96, 16, colour, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in lines))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", body) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def _exif(orientation: int) -> bytes:
    return b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0" + bytes(
        (orientation, 0, 0, 0, 0, 0, 0, 0)
    )


PNGS: Final[dict[str, Callable[[], bytes]]] = {
    "RGB": lambda: png(np.dstack([ramp(8)] * 3)),
    "RGBA": lambda: png(_alpha(*[ramp(8)] * 3)),
    "grey and alpha": lambda: png(_alpha(ramp(8))),
    "palette": _palette,
    "palette with an opaque alpha": lambda: _palette(transparency=bytes([255] * 256)),
    "crumbs": _crumbs,
    "gamma and profile": lambda: with_chunk(
        with_chunk(png(ramp(8)), b"gAMA", struct.pack(">I", 45455)), b"sRGB", b"\0"
    ),
    "a picture behind it": lambda: png(ramp(8)) + png(ramp(8)),
    "an EXIF block": lambda: with_chunk(png(ramp(8)), b"eXIf", _exif(1)[6:]),
    "texts": lambda: with_chunk(png(ramp(8)), b"tEXt", b"Comment\0<script>alert(1)</script>"),
    "transparency of a grey that is not there": lambda: with_chunk(
        png(ramp(8)), b"tRNS", b"\1\0"
    ),
}  # fmt: skip
DEEP: Final[dict[str, Callable[[], bytes]]] = {
    "RGB of 16 bits": lambda: _deep(2, 3),
    "RGBA of 16 bits": lambda: _deep(6, 4, last=65535),
    "grey and alpha of 16 bits": lambda: _deep(4, 2, last=65535),
}


@pytest.mark.parametrize("name", PNGS)
def test_png(name: str) -> None:
    np.testing.assert_array_equal(read(PNGS[name]()).pixels, PLAIN_8)


@pytest.mark.parametrize("name", DEEP)
def test_png_of_16_bits(name: str) -> None:
    """Pillow keeps 8 of 16 bits where there is more than grey."""
    np.testing.assert_allclose(read(DEEP[name]()).pixels, read(png(ramp(16))).pixels, atol=1 / 255)


def _fill() -> bytes:
    """Fill bytes before every marker of the header."""
    data = jpeg(ramp(8), quality=98)
    return data[:2] + b"\xff" * 9 + data[2:]


JPEGS: Final[dict[str, Callable[[], bytes]]] = {
    "progressive": lambda: jpeg(ramp(8), quality=98, progressive=True),
    "optimised": lambda: jpeg(ramp(8), quality=98, optimize=True),
    "with restarts": lambda: jpeg(ramp(8), quality=98, restart_marker_rows=1),
    "RGB": lambda: jpeg(np.dstack([ramp(8)] * 3), quality=98),
    "RGB, subsampled": lambda: jpeg(np.dstack([ramp(8)] * 3), quality=98, subsampling=2),
    "with fill bytes": _fill,
    "with a comment": lambda: jpeg(ramp(8), quality=98, comment=b"<script>"),
    "with a profile": lambda: jpeg(ramp(8), quality=98, icc_profile=bytes(9000)),
    "with another picture behind": lambda: jpeg(ramp(8), quality=98) + jpeg(ramp(8)),
    "in DICOM": lambda: encapsulated(_BASELINE, jpeg(ramp(8), quality=98)),
    "in DICOM, in fragments": lambda: raw.film(
        {
            0x00280100: raw.short(0x00280100, 8),
            0x00280101: raw.short(0x00280101, 8),
            0x00280102: raw.short(0x00280102, 7),
            0x7FE00010: raw.fragments(jpeg(ramp(8), quality=98), pieces=4),
        },
        syntax=_BASELINE,
    ),
}


@pytest.mark.parametrize("name", JPEGS)
def test_jpeg(name: str) -> None:
    np.testing.assert_allclose(read(JPEGS[name]()).pixels, PLAIN_8, atol=4 / 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_of_png_and_jpeg_turn_alike(orientation: int) -> None:
    turned = with_chunk(png(ramp(8)), b"eXIf", _exif(orientation)[6:])
    as_jpeg = jpeg(ramp(8), quality=98, exif=_exif(orientation))
    upright = read(turned).pixels
    np.testing.assert_allclose(upright, read(as_jpeg).pixels, atol=4 / 255)
    undone = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.T, 6: np.rot90(upright), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    np.testing.assert_array_equal(undone, PLAIN_8)


def test_lossy_within_its_tolerance() -> None:
    near = io.BytesIO()
    data = pydicom.dcmread(io.BytesIO(dicom()))
    data.compress("1.2.840.10008.1.2.4.81", jls_error=4, generate_instance_uid=False)
    data.save_as(near)
    np.testing.assert_allclose(read(near.getvalue()).pixels, PLAIN, atol=4.5 / 4095)
    lossy = io.BytesIO()
    data = pydicom.dcmread(io.BytesIO(dicom()))
    data.compress(_J2K, j2k_psnr=[70], generate_instance_uid=False)
    data.save_as(lossy)
    np.testing.assert_allclose(read(lossy.getvalue()).pixels, PLAIN, atol=0.01)


NAMES: Final = (
    b"no ending",
    b"film.txt",
    b"film.png",
    "胸部 🫁.dcm".encode(),
    b"line\nfeed.dcm",
    b"\x1b[31mred.dcm",
    b"--help",
    b"-",
    b"a;rm -rf b.dcm",
    b"$(id).dcm",
    b"not\xffutf8.dcm",
    b"..\xe2\x80\xaemcd.exe",
    b"con.dcm",
    b"%2e%2e%2fpasswd",
    b" space .dcm ",
    b"a" * 255,
)


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_names(name: bytes, tmp_path: Path, decoder: Decoder) -> None:
    path = bytes(tmp_path) + b"/" + name
    with open(path, "wb") as file:  # noqa: PTH123 (bytes)
        file.write(dicom())
    np.testing.assert_allclose(decoder.decode(path).pixels, PLAIN, atol=1e-6)


def test_links_and_rights(tmp_path: Path, decoder: Decoder) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(dicom())
    film.chmod(0o400)
    places = [tmp_path / "hard", tmp_path / "soft", tmp_path / "softer"]
    places[0].hardlink_to(film)
    places[1].symlink_to("film.dcm")
    places[2].symlink_to(places[1])
    for place in (*places, tmp_path / "." / ".." / tmp_path.name / "film.dcm"):
        np.testing.assert_allclose(decoder.decode(place).pixels, PLAIN, atol=1e-6)


def test_kind_is_told_by_the_content() -> None:
    for data in (dicom(), png(ramp(8)), jpeg(ramp(8))):
        assert decode_bytes(data, sniff(data[:SNIFF_BYTES])).pixels.shape == PLAIN.shape
