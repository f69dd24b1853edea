"""JPEG lossless, process 14 with selection value 1, written plainly (ITU-T T.81 annex H)."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

_CODE_BITS: Final = 5
"""Every category has a code of as many bits; seventeen fit, none is all ones."""


def lossless_jpeg(pixels: NDArray[np.uint16], bits: int, *, predictor: int = 1) -> bytes:
    """A stream of one component.

    Parameters
    ----------
    pixels : (rows, columns) uint16
    predictor
        Selection value: 1 the pixel to the left, 2 the one above.
    """
    rows, columns = pixels.shape
    frame = struct.pack(">BHHB3B", bits, rows, columns, 1, 1, 0x11, 0)
    counts = bytes(17 if n == _CODE_BITS else 0 for n in range(1, 17))
    scan = bytes((1, 1, 0, predictor, 0, 0))
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xC3, frame),
            _segment(0xC4, b"\0" + counts + bytes(range(17))),
            _segment(0xDA, scan),
            _coded(pixels.astype(np.int64), bits, predictor),
            b"\xff\xd9",
        )
    )


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _coded(pixels: NDArray[np.int64], bits: int, predictor: int) -> bytes:
    guess = np.empty_like(pixels)
    guess[:, 1:] = pixels[:, :-1]
    if predictor == 2:
        guess[1:] = pixels[:-1]
    guess[1:, 0] = pixels[:-1, 0]
    guess[0, 1:] = pixels[0, :-1]
    guess[0, 0] = 1 << (bits - 1)
    written: list[str] = []
    for apart in (pixels - guess).reshape(-1).tolist():
        category = abs(apart).bit_length()
        written.append(f"{category:0{_CODE_BITS}b}")
        if 0 < category < 16:  # 16 stands for one difference alone
            low = apart if apart > 0 else apart + (1 << category) - 1
            written.append(f"{low:0{category}b}")
    line = "".join(written)
    line += "1" * (-len(line) % 8)
    return int(line, 2).to_bytes(len(line) // 8, "big").replace(b"\xff", b"\xff\0")
