"""Greys as files that the program reads: PNG of 16 bits, JPEG, DICOM with low values white."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.study import FloatImage

Encoding = Callable[[FloatImage, float], bytes]
"""(rows, columns) greys in [0, 1], and the strength of the perturbation, to a file."""

_DX: Final = b"1.2.840.10008.5.1.4.1.1.1.1\0"
_EXPLICIT_LITTLE: Final = b"1.2.840.10008.1.2.1\0"
_INSTANCE: Final = b"2.25.1"
"""Of nothing: the film is decoded by itself, and its instance is told nobody."""


def png(pixels: FloatImage, strength: float) -> bytes:
    """A grey PNG of 16 bits: finer than any step that a perturbation makes."""
    from PIL import Image

    levels = np.rint(pixels * 65535).astype(np.uint16)
    return _saved(Image.fromarray(levels), "PNG", compress_level=1)


def jpeg(pixels: FloatImage, quality: float) -> bytes:
    """A grey baseline JPEG of a quality of 1 to 100, as libjpeg counts it."""
    from PIL import Image

    levels = np.rint(pixels * 255).astype(np.uint8)
    return _saved(Image.fromarray(levels), "JPEG", quality=int(quality))


def dicom(pixels: FloatImage, bits: float) -> bytes:
    """A Digital X-Ray Image with low values white.

    Written element by element (PS3.10 7.1, PS3.5 7.1.2): nothing that a reading does not need.

    Parameters
    ----------
    bits
        Stored, 8 or 12.
    """
    most = 2 ** int(bits) - 1
    levels = np.rint((1 - pixels) * most).astype("<u2" if bits > 8 else np.uint8)
    meta = b"".join(
        (
            _element(0x0002, 0x0001, b"OB", b"\0\1"),
            _element(0x0002, 0x0002, b"UI", _DX),
            _element(0x0002, 0x0003, b"UI", _INSTANCE),
            _element(0x0002, 0x0010, b"UI", _EXPLICIT_LITTLE),
            _element(0x0002, 0x0012, b"UI", b"2.25.2"),
        )
    )
    length = _element(0x0002, 0x0000, b"UL", struct.pack("<I", len(meta)))
    return b"\0" * 128 + b"DICM" + length + meta + b"".join(_body(levels, int(bits)))


def _body(levels: NDArray[np.unsignedinteger], bits: int) -> Iterator[bytes]:
    rows, columns = levels.shape
    yield _element(0x0008, 0x0016, b"UI", _DX)
    yield _element(0x0008, 0x0018, b"UI", _INSTANCE)
    yield _element(0x0008, 0x0060, b"CS", b"DX")
    yield _element(0x0008, 0x0068, b"CS", b"FOR PRESENTATION")
    yield _element(0x0020, 0x000D, b"UI", b"2.25.3")
    yield _element(0x0020, 0x000E, b"UI", b"2.25.4")
    yield _element(0x0028, 0x0002, b"US", _short(1))
    yield _element(0x0028, 0x0004, b"CS", b"MONOCHROME1 ")
    for place, number in ((0x0010, rows), (0x0011, columns)):
        yield _element(0x0028, place, b"US", _short(number))
    allocated = 8 * levels.itemsize
    for place, number in ((0x0100, allocated), (0x0101, bits), (0x0102, bits - 1), (0x0103, 0)):
        yield _element(0x0028, place, b"US", _short(number))
    data = levels.tobytes()
    yield _element(
        0x7FE0, 0x0010, b"OW" if allocated > 8 else b"OB", data + b"\0" * (len(data) % 2)
    )


def _element(group: int, element: int, kind: bytes, value: bytes) -> bytes:
    """One data element, explicit VR, little endian."""
    if kind in (b"OB", b"OW"):
        return struct.pack("<HH2sHI", group, element, kind, 0, len(value)) + value
    return struct.pack("<HH2sH", group, element, kind, len(value)) + value


def _short(number: int) -> bytes:
    return struct.pack("<H", number)


def _saved(picture: object, form: str, **options: int) -> bytes:
    from PIL.Image import Image

    assert isinstance(picture, Image)
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()
