"""The stored values of a DICOM image, checked against what the header says of them.

References
----------
DICOM PS3.5 chapter 8 (native and encapsulated pixels), annex A.4 (fragments), annex G (RLE);
PS3.3 C.7.6.3 (Image Pixel Module).
"""

# ruff: noqa: SIM905 (a list of words is easier to read as words)
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import CxrAgentError, InputCode
from cxr_agent.imaging.checks import check_size
from cxr_agent.imaging.codestream import StreamClaims, read_jpeg, read_jpeg_2000
from cxr_agent.imaging.dicom_elements import Element
from cxr_agent.imaging.dicom_file import DicomFile, Syntax
from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.dicom_values import Header
from cxr_agent.imaging.limits import MIN_BITS
from cxr_agent.imaging.presentation import Indices
from cxr_agent.imaging.refusal import refusal
from cxr_agent.study import Notice

_JPEG_2000: Final = frozenset(
    {
        Syntax.JPEG_2000,
        Syntax.JPEG_2000_LOSSLESS,
        Syntax.HTJ2K,
        Syntax.HTJ2K_LOSSLESS,
        Syntax.HTJ2K_LOSSLESS_RPCL,
    }
)
_JPEG_LS: Final = frozenset({Syntax.JPEG_LS, Syntax.JPEG_LS_NEAR})
_MONOCHROME: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
_COLOUR: Final = frozenset(
    "RGB HSV ARGB CMYK YBR_FULL YBR_FULL_422 YBR_PARTIAL_422 YBR_PARTIAL_420 YBR_ICT YBR_RCT XYB"
    .split()
)  # fmt: skip
_MOST_OVERLAY: Final = 0.25
"""Share of the pixels that graphics in the unused bits may cover."""


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """The Image Pixel Module of one grey frame."""

    rows: int
    columns: int
    bytes_per_pixel: int
    bits: int
    signed: bool
    monochrome1: bool

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows, self.columns

    @property
    def byte_count(self) -> int:
        """Bytes of the uncompressed frame."""
        return self.rows * self.columns * self.bytes_per_pixel


@dataclass(frozen=True, slots=True, eq=False)
class StoredPixels:
    """``indices`` is (rows, columns): the low bits of each pixel, read as unsigned."""

    indices: Indices
    notices: frozenset[Notice]


def pixel_layout(header: Header) -> PixelLayout:
    """Read and check everything that describes the pixels.

    Raises
    ------
    InputError
        ``no_pixel_data``, ``corrupt_header``, ``multi_frame``, ``colour_image``,
        ``bad_photometric``, ``bits_mismatch``, ``low_bit_depth``, ``too_large``, ``too_small``.
    """
    pixels = header.elements.get(Tag.PIXEL_DATA)
    if pixels is None or not (pixels.undefined or len(pixels.value)):
        raise refusal(InputCode.NO_PIXEL_DATA)
    frames = header.integer(Tag.NUMBER_OF_FRAMES)
    if frames is not None and frames != 1:
        raise refusal(InputCode.MULTI_FRAME if frames > 1 else InputCode.CORRUPT_HEADER)
    rows, columns = header.short(Tag.ROWS), header.short(Tag.COLUMNS)
    allocated, stored = header.short(Tag.BITS_ALLOCATED), header.short(Tag.BITS_STORED)
    if rows is None or columns is None or allocated is None:
        raise refusal(InputCode.CORRUPT_HEADER)
    check_size(rows, columns)
    monochrome1 = _photometric(header)
    signed = header.short(Tag.PIXEL_REPRESENTATION) or 0
    if signed not in (0, 1):
        raise refusal(InputCode.CORRUPT_HEADER)
    stored = allocated if stored is None else stored
    high = header.short(Tag.HIGH_BIT)
    if 1 <= allocated < MIN_BITS and stored <= allocated:
        raise refusal(InputCode.LOW_BIT_DEPTH)
    if allocated not in (8, 16) or not 1 <= stored <= allocated:
        raise refusal(InputCode.BITS_MISMATCH)
    if high is not None and high != stored - 1:
        raise refusal(InputCode.BITS_MISMATCH)
    if stored < MIN_BITS:
        raise refusal(InputCode.LOW_BIT_DEPTH)
    return PixelLayout(rows, columns, allocated // 8, stored, bool(signed), monochrome1)


def _photometric(header: Header) -> bool:
    """Whether low values are white."""
    names = header.texts(Tag.PHOTOMETRIC_INTERPRETATION)
    if len(names) > 1:
        raise refusal(InputCode.BAD_PHOTOMETRIC)
    name = "".join(names).upper()
    samples = header.short(Tag.SAMPLES_PER_PIXEL)
    if name in _COLOUR or name == "PALETTE COLOR" or (samples or 1) > 1:
        known = name in _COLOUR or name == "PALETTE COLOR"
        raise refusal(InputCode.COLOUR_IMAGE if known else InputCode.BAD_PHOTOMETRIC)
    if name not in _MONOCHROME:
        raise refusal(InputCode.BAD_PHOTOMETRIC)
    if samples is not None and samples != 1:
        raise refusal(InputCode.CORRUPT_HEADER)
    return name == "MONOCHROME1"


def stored_pixels(file: DicomFile, layout: PixelLayout) -> StoredPixels:
    """Decode the frame and keep the stored bits.

    Raises
    ------
    InputError
        ``pixel_length_mismatch``, ``corrupt_compressed_stream``, ``truncated``, ``too_large``,
        ``bits_mismatch``, ``colour_image``, ``multi_frame``.
    """
    element = file.header.elements[Tag.PIXEL_DATA]
    if file.syntax.native:
        if element.undefined:
            raise refusal(InputCode.CORRUPT_HEADER)
        values = _native(element, layout, file.header.little)
        return _mask(values, layout)
    if not element.undefined:
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    values = _encapsulated(file, element, layout)
    if values.shape != layout.shape:
        raise refusal(InputCode.PIXEL_LENGTH_MISMATCH)
    return _mask(values, layout)


def _native(element: Element, layout: PixelLayout, little: bool) -> NDArray[Any]:
    surplus = len(element.value) - layout.byte_count
    if surplus not in (0, 1) or (surplus and layout.byte_count % 2 == 0):
        raise refusal(InputCode.PIXEL_LENGTH_MISMATCH)
    if layout.bytes_per_pixel == 1:
        if not little and element.vr == "OW":  # bytes were swapped as words, PS3.5 8.1.2
            words = bytes(element.value) + b"\0" * (len(element.value) % 2)
            swapped = np.frombuffer(words, dtype=">u2").astype("<u2").view(np.uint8)
            return swapped[: layout.byte_count].reshape(layout.shape)
        kind = "u1"
    else:
        kind = "<u2" if little else ">u2"
    values = np.frombuffer(element.value, dtype=kind, count=layout.rows * layout.columns)
    return values.reshape(layout.shape)


def _encapsulated(file: DicomFile, element: Element, layout: PixelLayout) -> NDArray[Any]:
    items = file.reader.fragments(element)
    if not items:
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    offsets, fragments = items[0], items[1:]
    if len(offsets) % 4:
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    if len(offsets) > 4:
        raise refusal(InputCode.PIXEL_LENGTH_MISMATCH)
    stream = b"".join(fragments)
    if not stream:
        raise refusal(InputCode.NO_PIXEL_DATA)
    if file.syntax is Syntax.RLE:
        if len(fragments) != 1:  # PS3.5 A.4.2: one fragment for each frame
            raise refusal(InputCode.PIXEL_LENGTH_MISMATCH)
        return _rle(stream, layout)
    if file.syntax in _JPEG_2000:
        return _jpeg_2000(stream, layout)
    return _jpeg(stream, layout, file.syntax)


def _check_claims(claims: StreamClaims, layout: PixelLayout) -> None:
    check_size(claims.rows, claims.columns)
    if (claims.rows, claims.columns) != layout.shape:
        raise refusal(InputCode.PIXEL_LENGTH_MISMATCH)
    if claims.components != 1:
        raise refusal(InputCode.COLOUR_IMAGE)
    if (claims.bits + 7) // 8 > layout.bytes_per_pixel:
        raise refusal(InputCode.BITS_MISMATCH)


def _jpeg(stream: bytes, layout: PixelLayout, syntax: Syntax) -> NDArray[Any]:
    import libjpeg

    claims = read_jpeg(stream)
    _check_claims(claims, layout)
    if (claims.process == 0xF7) is not (syntax in _JPEG_LS):
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    if len(stream[claims.end :].strip(b"\0\xff")) > 0:
        raise refusal(InputCode.PIXEL_LENGTH_MISMATCH)
    values = _codec(libjpeg.decode, stream[: claims.end])  # type: ignore[attr-defined]
    return _signed_to_index(values)


def _jpeg_2000(stream: bytes, layout: PixelLayout) -> NDArray[Any]:
    import openjpeg

    claims = read_jpeg_2000(stream)
    _check_claims(claims, layout)
    if stream[claims.end :].strip(b"\0"):
        raise refusal(InputCode.PIXEL_LENGTH_MISMATCH)
    values = _codec(openjpeg.decode, stream)  # type: ignore[attr-defined]
    if values.itemsize > 2:
        raise refusal(InputCode.BITS_MISMATCH)
    return _signed_to_index(values)


def _rle(stream: bytes, layout: PixelLayout) -> NDArray[Any]:
    from rle import rle  # the package itself is slower to import and wraps the same function

    size = layout.bytes_per_pixel
    header = np.frombuffer(stream[:64].ljust(64, b"\0"), dtype="<u4")
    offsets = [int(offset) for offset in header[1 : 1 + size]]
    if int(header[0]) != size or offsets[0] != 64 or header[1 + size :].any():
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    if offsets != sorted(set(offsets)) or offsets[-1] >= len(stream):
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    frame = _codec(
        lambda data: np.frombuffer(
            rle.decode_frame(data, layout.rows * layout.columns, 8 * size, "<"), dtype=np.uint8
        ),
        stream,
    )
    if frame.size != layout.byte_count:
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    return frame.view("<u2" if size == 2 else np.uint8).reshape(layout.shape)


def _codec(decode: Any, stream: bytes) -> NDArray[Any]:
    """Run a foreign decoder.

    A Rust panic is a ``BaseException``, and whatever a codec raises means the same here.
    """
    try:
        values: NDArray[Any] = decode(stream)
    except (CxrAgentError, MemoryError):
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM) from None
    return values


def _signed_to_index(values: NDArray[Any]) -> NDArray[Any]:
    """The same bits as unsigned numbers."""
    return values.view(np.uint8 if values.itemsize == 1 else np.uint16)


def _mask(values: NDArray[Any], layout: PixelLayout) -> StoredPixels:
    """Drop the bits above the stored ones: overlays once lived there (PS3.5 8.1.2, retired).

    The extension of the sign into these bits is nothing unusual. Where most pixels have such
    bits, they are part of the values and the header is wrong.
    """
    kind = np.uint8 if values.itemsize == 1 else np.uint16
    indices: Any = values.astype(kind, copy=False)
    unused = 8 * indices.itemsize - layout.bits
    if not unused:
        return StoredPixels(indices, frozenset())
    above = indices >> layout.bits
    indices = indices & kind((1 << layout.bits) - 1)
    strange = above != 0
    if layout.signed:
        sign = (indices >> (layout.bits - 1)) != 0
        strange &= ~(sign & (above == (1 << unused) - 1))
    share = np.count_nonzero(strange) / strange.size
    if share > _MOST_OVERLAY:
        raise refusal(InputCode.BITS_MISMATCH)
    return StoredPixels(indices, frozenset({Notice.OVERLAY_BITS} if share else ()))
