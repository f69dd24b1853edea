"""DICOM files that are refused: encoding, claims, compressed streams, headers."""

# ruff: noqa: E501 (a case is a line)
from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

import numpy as np
import pydicom
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.imaging.films import DX, dicom, jpeg, lut, png, ramp, saved

from . import encoding as raw
from .case import FilmCase
from .lossless import lossless_jpeg

_BASELINE: Final = "1.2.840.10008.1.2.4.50"
_STREAM: Final = "corrupt_compressed_stream"


def _case(name: str, code: str, content: Callable[[], bytes], *also: str) -> FilmCase:
    return FilmCase(f"dicom {name}", content, code, also)


def _with(name: str, code: str, *also: str, **values: Any) -> FilmCase:
    """A film with header values of its own."""
    return _case(name, code, partial(dicom, **values), *also)


def _raw(name: str, code: str, changes: dict[int, bytes], *also: str) -> FilmCase:
    return _case(name, code, partial(raw.film, changes), *also)


def _deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return raw.meta("1.2.840.10008.1.2.1.99") + packer.compress(body) + packer.flush()


def _deflated_zeros() -> bytes:
    """400 MiB of zeros behind a private element."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = raw.element(0x00091010, "OB", length=400 << 20)
    parts = [packer.compress(head)]
    parts += [packer.compress(bytes(1 << 20)) for _ in range(400)]
    return raw.meta("1.2.840.10008.1.2.1.99") + b"".join([*parts, packer.flush()])


def _implicit_words() -> bytes:
    """A description of millions of words, which implicit VR lets be that long."""
    told = b"a " * (10 << 20)
    head = struct.pack("<HHI", 0x0008, 0x0016, 26) + b"1.2.840.10008.5.1.4.1.1.1\0"
    series = struct.pack("<HHI", 0x0008, 0x103E, len(told)) + told
    return raw.meta("1.2.840.10008.1.2") + head + series


def _body() -> bytes:
    return raw.film()[len(raw.meta()) :]


ENCODING: Final = (
    _case("preamble alone", "truncated", lambda: bytes(128) + b"DICM", "no_pixel_data",
          "not_an_image", "corrupt_header"),
    _case("meta alone", "no_pixel_data", raw.meta, "truncated"),
    _case("cut in the meta", "truncated", lambda: raw.film()[:170]),
    _case("cut in a header", "truncated", lambda: raw.film()[: len(raw.meta()) + 31]),
    _case("cut in the pixels", "truncated", lambda: raw.film()[:-999], "pixel_length_mismatch"),
    _case("cut by one byte", "truncated", lambda: raw.film()[:-1], "pixel_length_mismatch"),
    _case("zeros for a data set", "corrupt_header", lambda: raw.meta() + bytes(5000)),
    _case("ones for a data set", "corrupt_header", lambda: raw.meta() + b"\xff" * 5000),
    _case("text for a data set", "corrupt_header", lambda: raw.meta() + b"hello film " * 400),
    _case("a PNG for a data set", "corrupt_header", lambda: raw.meta() + png(ramp(8))),
    _case("random for a data set", "corrupt_header",
          lambda: raw.meta() + np.random.default_rng(1).bytes(9000)),
    _raw("unknown VR", "corrupt_header", {0x00080070: raw.element(0x00080070, "ZZ", b"ab")}),
    _raw("VR of two zeros", "corrupt_header", {0x00080070: raw.element(0x00080070, "\0\0", b"ab")}),
    _raw("rows as text", "corrupt_header", {0x00280010: raw.text(0x00280010, "LO", "96")}),
    _raw("rows of four bytes", "corrupt_header",
         {0x00280010: raw.element(0x00280010, "US", b"\x60\0\x60\0")}),
    _raw("rows of one byte", "corrupt_header", {0x00280010: raw.element(0x00280010, "US", b"\x60")}),
    _raw("no rows", "corrupt_header", {0x00280010: b""}),
    _raw("rows empty", "corrupt_header", {0x00280010: raw.element(0x00280010, "US")}),
    _raw("no columns", "corrupt_header", {0x00280011: b""}),
    _raw("no bits allocated", "corrupt_header", {0x00280100: b""}),
    _raw("length of 4 GiB", "corrupt_header",
         {0x00090010: raw.element(0x00090010, "OB", b"ab", length=0xFFFFFFFE)}, "truncated"),
    _raw("odd length beyond the end", "corrupt_header",
         {0x00090010: raw.element(0x00090010, "OB", b"ab", length=0x7FFFFFFF)}),
    _raw("pixels of 4 GiB", "truncated",
         {0x7FE00010: raw.element(0x7FE00010, "OW", bytes(99), length=0xFFFFFFFE)}, "too_large",
         "pixel_length_mismatch"),
    _raw("undefined length of a text", "corrupt_header",
         {0x00081030: raw.element(0x00081030, "UT", b"a film", length=raw.UNDEFINED)}),
    _raw("undefined length of pixels", "corrupt_header",
         {0x7FE00010: raw.fragments(b"ab" * 99)}, _STREAM),
    _raw("sequence without an end", "truncated",
         {0x00082218: raw.element(0x00082218, "SQ", length=raw.UNDEFINED)}, "corrupt_header"),
    _raw("item longer than its sequence", "corrupt_header",
         {0x00082218: raw.element(0x00082218, "SQ", b"\xfe\xff\x00\xe0\xff\xff\0\0")}, "truncated"),
    _raw("sequence of garbage", "corrupt_header",
         {0x00082218: raw.element(0x00082218, "SQ", b"garbage!")}),
    _raw("group 0002 twice", "corrupt_header", {0x00080005: raw.text(0x00020010, "UI", "1.2")}, "duplicate_tags"),
    _raw("an item delimiter alone", "corrupt_header", {0x00080005: b"\xfe\xff\x0d\xe0\0\0\0\0"}),
    _raw("rows twice", "duplicate_tags", {0x00280010: raw.short(0x00280010, 96) * 2}),
    _raw("pixels twice", "duplicate_tags",
         {0x7FE00010: raw.elements()[0x7FE00010] * 2}, "pixel_length_mismatch"),
    _raw("view twice", "duplicate_tags",
         {0x00185101: raw.text(0x00185101, "CS", "PA") + raw.text(0x00185101, "CS", "LL")}),
    _raw("a private tag twice", "duplicate_tags",
         {0x00091001: raw.text(0x00091001, "LO", "ab") * 2}),
    _raw("nested 33 deep", "nesting_too_deep", {0x00082218: raw.nested(40, delimited=False)}),
    _raw("nested 3000 deep", "nesting_too_deep", {0x00082218: raw.nested(3000, delimited=True)}),
    _raw("nested 100 in UN", "nesting_too_deep", {0x00091010: raw.nested_in_un(100)}),
    _raw("200,000 elements", "metadata_bomb",
         {0x00080050: b"".join(raw.element(0x00090000 + n // 0xFFFF * 0x20000 + n % 0xFFFF, "LO")
                               for n in range(120_000))}, "corrupt_header"),
    _case("20 MiB of words", "metadata_bomb", _implicit_words),
    _raw("an element of 70 MiB", "metadata_bomb",
         {0x00091010: raw.element(0x00091010, "OB", bytes(70 << 20))}),
    _case("inflates to 400 MiB", "metadata_bomb", _deflated_zeros, "too_large"),
    _case("deflated and cut", "truncated", lambda: _deflated(_body())[:-900], _STREAM),
    _case("deflated and garbled", _STREAM,
          lambda: raw.meta("1.2.840.10008.1.2.1.99") + b"\x07" * 900, "truncated"),
    _case("invented syntax", "unknown_transfer_syntax", lambda: raw.film(syntax="1.2.3.4.5")),
    _case("H.264", "unknown_transfer_syntax",
          lambda: raw.film(syntax="1.2.840.10008.1.2.4.102")),
    _case("JPIP", "unknown_transfer_syntax", lambda: raw.film(syntax="1.2.840.10008.1.2.4.94")),
    _case("JPEG XL", "unknown_transfer_syntax",
          lambda: raw.film(syntax="1.2.840.10008.1.2.4.110")),
    _case("syntax with a path", "unknown_transfer_syntax", lambda: raw.film(syntax="../../etc")),
)  # fmt: skip

PIXELS: Final = (
    _with("RGB", "colour_image", PhotometricInterpretation="RGB", SamplesPerPixel=3),
    _with("YBR", "colour_image", PhotometricInterpretation="YBR_FULL", SamplesPerPixel=3),
    _with("palette", "colour_image", PhotometricInterpretation="PALETTE COLOR"),
    _with("CMYK", "colour_image", PhotometricInterpretation="CMYK", SamplesPerPixel=4),
    _with("no photometric", "bad_photometric", PhotometricInterpretation=None),
    _with("photometric empty", "bad_photometric", PhotometricInterpretation=""),
    _with("photometric invented", "bad_photometric", PhotometricInterpretation="MONOCHROME 2"),
    _with("two photometrics", "bad_photometric",
          PhotometricInterpretation=["MONOCHROME1", "MONOCHROME2"]),
    _with("grey with three samples", "bad_photometric", SamplesPerPixel=3),
    _with("grey with no sample", "corrupt_header", SamplesPerPixel=0),
    _with("stored above allocated", "bits_mismatch", BitsStored=17),
    _with("stored none", "bits_mismatch", BitsStored=0),
    _with("high bit below", "bits_mismatch", HighBit=7),
    _with("high bit above", "bits_mismatch", HighBit=15),
    _with("allocated 32", "bits_mismatch", BitsAllocated=32),
    _with("allocated 12", "bits_mismatch", BitsAllocated=12),
    _with("allocated 64", "bits_mismatch", BitsAllocated=64),
    _with("allocated 0", "bits_mismatch", BitsAllocated=0),
    _with("one bit", "low_bit_depth", BitsAllocated=1, BitsStored=1, HighBit=0),
    _with("six bits stored", "low_bit_depth", BitsStored=6, HighBit=5),
    _with("sign 2", "corrupt_header", PixelRepresentation=2),
    _with("fewer rows", "pixel_length_mismatch", Rows=95),
    _with("more rows", "pixel_length_mismatch", Rows=97),
    _with("rows 0", "corrupt_header", "too_small", Rows=0),
    _with("rows 65535", "too_large", Rows=65535, Columns=65535),
    _with("a strip", "too_small", "pixel_length_mismatch", Rows=8, Columns=960),
    _case("20 x 20", "too_small", lambda: dicom(ramp()[:20, :20].copy())),
    _case("two frames", "multi_frame",
          lambda: dicom(np.concatenate([ramp(), ramp()]), Rows=96, NumberOfFrames=2)),
    _with("frames 2147483647", "multi_frame", NumberOfFrames=2147483647),
    _with("frames 0", "corrupt_header", NumberOfFrames=0),
    _with("frames negative", "corrupt_header", NumberOfFrames=-1),
    _raw("frames no number", "corrupt_header", {0x00280008: raw.text(0x00280008, "IS", "many")}),
    _raw("no pixels", "no_pixel_data", {0x7FE00010: b""}),
    _raw("pixels empty", "no_pixel_data", {0x7FE00010: raw.element(0x7FE00010, "OW")}),
    _raw("float pixels", "no_pixel_data",
         {0x7FE00010: b"", 0x7FE00008: raw.element(0x7FE00008, "OF", bytes(4 * 96 * 80))},
         "bits_mismatch"),
    _raw("pixels as text", "corrupt_header",
         {0x7FE00010: raw.element(0x7FE00010, "UT", bytes(2 * 96 * 80))}),
    _case("black", "all_black", lambda: dicom(ramp() * 0)),
    _case("black but for a marker", "all_black", lambda: dicom(_marked(0))),
    _case("white", "blank", lambda: dicom(ramp() * 0 + 4095)),
    _case("grey", "constant_image", lambda: dicom(ramp() * 0 + 1777)),
    _case("white MONOCHROME1", "blank",
          lambda: dicom(ramp() * 0, PhotometricInterpretation="MONOCHROME1")),
    _case("black MONOCHROME1", "all_black",
          lambda: dicom(ramp() * 0 + 4095, PhotometricInterpretation="MONOCHROME1")),
    _case("two greys", "low_bit_depth", lambda: dicom((ramp() > 2000).astype(np.uint16) * 4000)),
    _with("slope zero", "non_finite_rescale", RescaleSlope="0", RescaleIntercept="0"),
    _with("slope infinite", "non_finite_rescale", RescaleSlope="inf", RescaleIntercept="0"),
    _raw("slope a word", "non_finite_rescale", {0x00281053: raw.text(0x00281053, "DS", "one")}),
    _with("slope 1e300", "non_finite_rescale", RescaleSlope="1e300", RescaleIntercept="0"),
    _with("slope 1e-300", "non_finite_rescale", RescaleSlope="1e-300", RescaleIntercept="0"),
    _with("two slopes", "non_finite_rescale", RescaleSlope=["1", "2"], RescaleIntercept="0"),
    _with("intercept NaN", "non_finite_rescale", RescaleSlope="1", RescaleIntercept="NaN"),
    _with("intercept 1e30", "non_finite_rescale", RescaleSlope="1", RescaleIntercept="1e30"),
    _case("LUT too short", "bad_lut",
          lambda: dicom(ModalityLUTSequence=[lut(0, [1, 2, 3], 12, count=4096)])),
    _case("LUT without a descriptor", "bad_lut", lambda: dicom(VOILUTSequence=[_bare_lut()])),
    _case("LUT of 40 bits", "bad_lut",
          lambda: dicom(VOILUTSequence=[lut(0, list(range(64)), 40)])),
    _case("LUT of one value", "bad_lut", lambda: dicom(VOILUTSequence=[lut(0, [5] * 64, 12)])),
    _case("LUT entries above their bits", "bad_lut",
          lambda: dicom(VOILUTSequence=[lut(0, [9000] * 63 + [1], 12)])),
)  # fmt: skip


def _marked(level: int) -> Any:
    film = ramp() * 0 + level
    film[2:4, 2:6] = 4000
    return film


def _bare_lut() -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.add_new(0x00283006, "OW", bytes(128))
    return item


@cache
def stream(syntax: str) -> bytes:
    """The compressed pixels of a right film."""
    if syntax == _BASELINE:
        return jpeg(ramp(8), quality=95)
    if syntax == JPEGLosslessSV1:
        return lossless_jpeg(ramp(), raw.BITS)
    data = pydicom.dcmread(io.BytesIO(dicom(compress=syntax)))
    return bytes(next(pydicom.encaps.generate_frames(data.PixelData, number_of_frames=1)))


_SYNTAXES: Final = {
    "JPEG": _BASELINE,
    "JPEG lossless": JPEGLosslessSV1,
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000": JPEG2000Lossless,
    "RLE": RLELossless,
}


def _eight() -> dict[int, bytes]:
    return {
        0x00280100: raw.short(0x00280100, 8),
        0x00280101: raw.short(0x00280101, 8),
        0x00280102: raw.short(0x00280102, 7),
    }


def encapsulated(syntax: str, data: bytes, changes: dict[int, bytes] | None = None) -> bytes:
    """A film around a stream of ours, with the bits that the syntax is for."""
    depth = _eight() if syntax == _BASELINE else {}
    pixels = {0x7FE00010: raw.fragments(data)}
    return raw.film({**depth, **pixels, **(changes or {})}, syntax=syntax)


def _broken(name: str, syntax: str) -> tuple[FilmCase, ...]:
    def damaged(change: Callable[[bytes], bytes]) -> Callable[[], bytes]:
        return lambda: encapsulated(syntax, change(stream(syntax)))

    def rows(height: int) -> Callable[[], bytes]:
        return lambda: encapsulated(
            syntax, stream(syntax), {0x00280010: raw.short(0x00280010, height)}
        )

    any_damage = ("truncated", "corrupt_header", "pixel_length_mismatch")
    return (
        _case(f"{name} cut", _STREAM, damaged(lambda s: s[: len(s) // 2]), *any_damage),
        _case(f"{name} of nothing", "no_pixel_data", damaged(lambda _: b""), _STREAM),
        _case(f"{name} of zeros", _STREAM, damaged(lambda s: bytes(len(s)))),
        _case(f"{name} head garbled", _STREAM,
              damaged(lambda s: b"\x55" * 24 + s[24:]), *any_damage),
        _case(f"{name} middle lost", _STREAM,
              damaged(lambda s: s[: len(s) // 3] + b"\xff" * (len(s) // 3) + s[2 * (len(s) // 3) :]),
              *any_damage),
        _case(f"{name} of another height", "pixel_length_mismatch", rows(120), _STREAM),
        *(
            ()
            if name == "RLE"  # its decoder reads as far as the film goes
            else (_case(f"{name} twice", "pixel_length_mismatch", damaged(lambda s: s + s), _STREAM),)
        ),
        _case(f"{name} without its end", "truncated",
              lambda: raw.film({**(_eight() if syntax == _BASELINE else {}),
                                0x7FE00010: raw.fragments(stream(syntax), end=False)},
                               syntax=syntax), "corrupt_header", _STREAM),
        _case(f"{name} that is text", _STREAM, damaged(lambda _: b"no picture at all " * 20)),
    )  # fmt: skip


def _rle_bomb() -> bytes:
    """Runs that unfold to a thousand times the film."""
    return struct.pack("<16L", 2, 64, 64 + 20_000, *[0] * 13) + b"\x81\x07" * 20_000


def _claiming(rows: int, columns: int) -> bytes:
    """A JPEG 2000 stream that says it is larger than it is."""
    data = bytearray(stream(JPEG2000Lossless))
    at = data.index(b"\xff\x51") + 6
    data[at : at + 8] = struct.pack(">II", columns, rows)
    data[at + 16 : at + 24] = struct.pack(">II", columns, rows)
    return bytes(data)


STREAMS: Final = (
    *(case for name, syntax in _SYNTAXES.items() for case in _broken(name, syntax)),
    _case("RLE bomb", _STREAM, lambda: encapsulated(RLELossless, _rle_bomb()),
          "pixel_length_mismatch"),
    _case("RLE of three segments", _STREAM,
          lambda: encapsulated(RLELossless, struct.pack("<16L", 3, 64, 70, 80, *[0] * 12)
                               + bytes(90))),
    _case("JPEG 2000 of 65535 squared", "too_large",
          lambda: encapsulated(JPEG2000Lossless, _claiming(65535, 65535)),
          "pixel_length_mismatch", _STREAM),
    _case("JPEG 2000 in a JPEG syntax", _STREAM,
          lambda: encapsulated(_BASELINE, stream(JPEG2000Lossless))),
    _case("JPEG-LS in a JPEG syntax", _STREAM,
          lambda: raw.film({0x7FE00010: raw.fragments(stream(JPEGLSLossless))},
                           syntax="1.2.840.10008.1.2.4.57")),
    _case("JPEG of a million fragments", "metadata_bomb", lambda: raw.film(
        {0x7FE00010: raw.element(0x7FE00010, "OB", b"\xfe\xff\0\xe0\0\0\0\0" * 1_000_000
                                 + b"\xfe\xff\xdd\xe0\0\0\0\0", length=raw.UNDEFINED)},
        syntax=_BASELINE)),
    _case("colour JPEG", "colour_image",
          lambda: encapsulated(_BASELINE, jpeg(np.dstack([ramp(8)] * 3), quality=90)),
          "bits_mismatch"),
    _case("PNG in a JPEG syntax", _STREAM, lambda: encapsulated(_BASELINE, png(ramp(8)))),
    _case("BMP in a JPEG syntax", _STREAM,
          lambda: encapsulated(_BASELINE, saved(_picture(), "BMP"))),
    _case("offset table of two frames", "pixel_length_mismatch",
          lambda: raw.film({**_eight(), 0x7FE00010:
                            raw.fragments(stream(_BASELINE), offsets=struct.pack("<2L", 0, 900))},
                           syntax=_BASELINE), "multi_frame"),
    _case("native in a JPEG syntax", _STREAM,
          lambda: raw.film(_eight() | {0x7FE00010:
                           raw.element(0x7FE00010, "OB", ramp(8).tobytes())}, syntax=_BASELINE),
          "corrupt_header"),
)  # fmt: skip


def _picture() -> Any:
    from PIL import Image

    return Image.fromarray(ramp(8))


def _of(name: str, sop_class: str, code: str, modality: str) -> FilmCase:
    uid = f"1.2.840.10008.5.1.4.1.1.{sop_class}"
    return _with(name, code, SOPClassUID=uid, Modality=modality)


OBJECTS: Final = (
    _of("CT", "2", "unsupported_modality", "CT"),
    _of("MR", "4", "unsupported_modality", "MR"),
    _of("ultrasound", "6.1", "unsupported_modality", "US"),
    _of("mammogram", "1.2", "unsupported_modality", "MG"),
    _of("nuclear medicine", "20", "unsupported_modality", "NM"),
    _of("angiography", "12.1", "unsupported_modality", "XA"),
    _of("dental film", "1.3", "unsupported_modality", "IO"),
    _of("PET", "128", "unsupported_modality", "PT"),
    _of("SR", "88.33", "non_image_object", "SR"),
    _of("PDF", "104.1", "non_image_object", "DOC"),
    _of("CDA", "104.2", "non_image_object", "DOC"),
    _of("SEG", "66.4", "unsupported_modality", "SEG"),
    _of("presentation state", "11.1", "non_image_object", "PR"),
    _of("key objects", "88.59", "non_image_object", "KO"),
    _of("RT structures", "481.3", "non_image_object", "RTSTRUCT"),
    _of("RT plan", "481.5", "non_image_object", "RTPLAN"),
    _of("ECG", "9.1.1", "non_image_object", "ECG"),
    _of("raw data", "66", "non_image_object", "DX"),
    _with("film that says CT", "unsupported_modality", SOPClassUID=DX, Modality="CT"),
    _with("of the class of directories", "dicomdir", SOPClassUID="1.2.840.10008.1.3.10"),
    _case("DICOMDIR", "dicomdir",
          lambda: raw.meta(sop_class="1.2.840.10008.1.3.10")
          + raw.element(0x00041220, "SQ", length=0)),
)  # fmt: skip

SUITABILITY: Final = (
    *(_with(f"view {view}", "lateral_view", ViewPosition=view)
      for view in ("LL", "RL", "LATERAL", "LLO", "RAO")),
    _with("lateral series", "lateral_view", ViewPosition="", SeriesDescription="W Chest Lat."),
    _with("lateral in German", "lateral_view", ViewPosition="", SeriesDescription="Thorax seitlich"),
    _with("lateral protocol", "lateral_view", ViewPosition=None, ProtocolName="CHEST LATERAL"),
    _with("lateral by orientation", "lateral_view", PatientOrientation=["P", "F"]),
    _case("lateral by code", "lateral_view", lambda: dicom(
        ViewPosition="", ViewCodeSequence=[_coded("399198007", "right lateral")])),
    _with("decubitus", "rotated_film", SeriesDescription="CHEST DECUB LEFT"),
    *(_with(f"age {age}", "paediatric", PatientAge=age)
      for age in ("000D", "001W", "011M", "007Y", "015Y", "7Y", "07Y", "180M", "3650D", "5 years")),
    *(_with(f"described as {words}", "paediatric", SeriesDescription=words)
      for words in ("PEDIATRIC CHEST", "Newborn AP", "Kinderthorax", "CHEST - BABY")),
    _with("body part babygram", "paediatric", BodyPartExamined="BABYGRAM"),
    _with("shin", "not_chest", BodyPartExamined="TIB/FIB"),
    _with("born 2012", "paediatric", PatientBirthDate="20120101", PatientAge=None),
    _with("born on the day", "paediatric", PatientBirthDate="20190314"),
    *(_with(f"part {part}", "not_chest", BodyPartExamined=part)
      for part in ("HAND", "ABDOMEN", "SKULL", "KNEE", "CSPINE", "PELVIS", "LSPINE", "FOOT")),
    _with("part by its description", "not_chest", BodyPartExamined=None,
          StudyDescription="XR ANKLE LEFT 2 VIEWS"),
)  # fmt: skip


def _coded(value: str, meaning: str) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


DICOM_FILMS: Final = (*ENCODING, *PIXELS, *STREAMS, *OBJECTS, *SUITABILITY)
