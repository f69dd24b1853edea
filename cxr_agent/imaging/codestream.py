"""What a JPEG, JPEG-LS or JPEG 2000 stream claims, read before any codec touches it.

Codecs allocate what a stream claims and are forgiving about its damage; so claims and marker
structure are checked here first.

References
----------
ITU-T T.81 annex B (JPEG), T.87 annex C (JPEG-LS), T.800 annex A (JPEG 2000).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cxr_agent.errors import InputCode
from cxr_agent.imaging.limits import MAX_CHUNKS, MAX_JPEG_SCANS, MAX_METADATA_BYTES
from cxr_agent.imaging.refusal import refusal

_SOI, _EOI, _SOS, _DQT, _DHT, _DNL, _DRI = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDC, 0xDD
_SOF_JPEG_LS: Final = 0xF7
_LSE: Final = 0xF8
_SOFS: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}) | {_SOF_JPEG_LS}
_LOSSLESS: Final = frozenset({0xC3, 0xC7, 0xCB, 0xCF, _SOF_JPEG_LS})
_ARITHMETIC: Final = frozenset(range(0xC9, 0xD0)) - {0xCC}
_AFTER_SCAN: Final = frozenset({_EOI, _SOS, _DQT, _DHT, _DNL, _DRI, _LSE, 0xFE, *range(0xE0, 0xF0)})
_APP1: Final = 0xE1
_APP14: Final = 0xEE
_COM: Final = 0xFE
_FILL: Final = re.compile(rb"\xff*")
_MOST_FILL_BYTES: Final = 1 << 16
_START_OF_TILE: Final = b"\xff\x90"

SCAN_END: Final = re.compile(rb"\xff(?![\x00\xd0-\xd7])", re.DOTALL)
_LS_SCAN_END: Final = re.compile(rb"\xff[\x80-\xff]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class StreamClaims:
    """What the frame header says, and where the stream ends."""

    rows: int
    columns: int
    components: int
    bits: int
    signed: bool = False
    process: int = 0
    """JPEG only: the number of the start-of-frame marker, 0xC0 for baseline."""
    end: int = 0
    """Offset after the end-of-image marker."""
    adobe: bool = False

    @property
    def lossless(self) -> bool:
        """Whether this JPEG process keeps every value."""
        return self.process in _LOSSLESS

    @property
    def arithmetic(self) -> bool:
        """Whether this JPEG process uses arithmetic coding, which few decoders know."""
        return self.process in _ARITHMETIC


def read_jpeg(data: bytes | memoryview) -> StreamClaims:
    """Walk over all markers of a JPEG or JPEG-LS stream.

    Raises
    ------
    InputError
        ``truncated`` when the end marker is missing, ``corrupt_header`` for a damaged segment,
        ``corrupt_compressed_stream`` for damage between the scans, ``metadata_bomb`` for absurd
        amounts of side information or scans.
    """
    return _JpegWalk(bytes(data)).walk()


class _JpegWalk:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.frame: StreamClaims | None = None
        self.tables: set[int] = set()
        self.adobe = False
        self.scans = 0
        self.metadata = 0
        self.filled = 0

    def walk(self) -> StreamClaims:
        data = self.data
        if data[:2] != b"\xff\xd8":
            raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
        position, segments = 2, 0
        while True:
            marker, position = self._marker(position)
            segments += 1
            if segments > MAX_CHUNKS:
                raise refusal(InputCode.METADATA_BOMB)
            if marker == _EOI:
                break
            if position + 2 > len(data):
                raise refusal(InputCode.TRUNCATED)
            length = int.from_bytes(data[position : position + 2], "big")
            if length < 2:
                raise refusal(InputCode.CORRUPT_HEADER)
            body = data[position + 2 : position + length]
            position += length
            if position > len(data):
                raise refusal(InputCode.TRUNCATED)
            self._segment(marker, body)
            if marker == _SOS:
                position = self._scan_end(position)
        if self.frame is None or not self.scans:
            raise refusal(InputCode.CORRUPT_HEADER)
        frame = self.frame
        return StreamClaims(
            frame.rows,
            frame.columns,
            frame.components,
            frame.bits,
            process=frame.process,
            end=position,
            adobe=self.adobe,
        )

    def _marker(self, position: int) -> tuple[int, int]:
        data = self.data
        damage = InputCode.CORRUPT_COMPRESSED_STREAM if self.scans else InputCode.CORRUPT_HEADER
        if position >= len(data):
            raise refusal(InputCode.TRUNCATED)
        if data[position] != 0xFF:
            raise refusal(damage)
        start = position
        fill = _FILL.match(data, position)  # fill bytes, T.81 B.1.1.2
        assert fill is not None
        position = fill.end()
        self.filled += position - start - 1
        if self.filled > _MOST_FILL_BYTES:
            raise refusal(InputCode.METADATA_BOMB)
        if position >= len(data):
            raise refusal(InputCode.TRUNCATED)
        marker = data[position]
        if marker in (0x00, 0x01, _SOI) or 0xD0 <= marker <= 0xD7 or 0x02 <= marker < 0xC0:
            raise refusal(damage)
        if self.scans and marker not in _AFTER_SCAN:
            raise refusal(damage)
        return marker, position + 1

    def _segment(self, marker: int, body: bytes) -> None:
        if marker in _SOFS:
            self._frame_header(marker, body)
        elif marker in (_DQT, _DHT):
            self.tables.add(marker)
        elif marker == _SOS:
            self._scan_header(body)
        elif marker == _COM or 0xE0 <= marker <= 0xEF:
            self.metadata += len(body)
            if self.metadata > MAX_METADATA_BYTES:
                raise refusal(InputCode.METADATA_BOMB)
            if marker == _APP14 and body.startswith(b"Adobe"):
                self.adobe = True

    def _frame_header(self, marker: int, body: bytes) -> None:
        if self.frame is not None or len(body) < 9 or len(body) != 6 + 3 * body[5]:
            raise refusal(InputCode.CORRUPT_HEADER)
        rows, columns = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        if not rows or not columns or not 2 <= body[0] <= 16:
            raise refusal(InputCode.CORRUPT_HEADER)
        self.frame = StreamClaims(rows, columns, body[5], body[0], process=marker)

    def _scan_header(self, body: bytes) -> None:
        frame = self.frame
        if frame is None or len(body) < 6 or len(body) != 4 + 2 * body[0]:
            raise refusal(InputCode.CORRUPT_HEADER)
        needed: set[int] = set()
        if frame.process != _SOF_JPEG_LS and not frame.arithmetic:
            # A progressive DC refinement scan needs no Huffman table, but others come before it.
            needed = {_DHT} if frame.lossless else {_DQT, _DHT}
        if not needed <= self.tables:
            raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
        self.scans += 1
        if self.scans > MAX_JPEG_SCANS:
            raise refusal(InputCode.METADATA_BOMB)

    def _scan_end(self, position: int) -> int:
        """Offset of the marker that ends the entropy-coded data."""
        assert self.frame is not None
        pattern = _LS_SCAN_END if self.frame.process == _SOF_JPEG_LS else SCAN_END
        match = pattern.search(self.data, position)
        if match is None:
            raise refusal(InputCode.TRUNCATED)
        if match.start() == position and self.frame.process != _SOF_JPEG_LS:
            raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
        return match.start()


def read_jpeg_2000(data: bytes | memoryview) -> StreamClaims:
    """The main header of a JPEG 2000 code stream, with or without a JP2 box around it.

    Raises
    ------
    InputError
        ``corrupt_compressed_stream``, also when the end marker is missing.
    """
    stream = bytes(data)
    start = 0
    if stream[4:8] == b"jP  ":
        start = stream.find(b"\xff\x4f\xff\x51")
    if start < 0 or stream[start : start + 4] != b"\xff\x4f\xff\x51":
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    size = stream[start + 4 : start + 4 + int.from_bytes(stream[start + 4 : start + 6], "big")]
    if len(size) < 41:
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    right, bottom, left, top = (int.from_bytes(size[i : i + 4], "big") for i in (4, 8, 12, 16))
    components = int.from_bytes(size[36:38], "big")
    if len(size) != 38 + 3 * components or right <= left or bottom <= top:
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    end = _end_of_tiles(stream, start + 4 + len(size))
    depth = size[38]
    return StreamClaims(
        rows=bottom - top,
        columns=right - left,
        components=components,
        bits=(depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
        end=end,
    )


def _end_of_tiles(stream: bytes, position: int) -> int:
    """Offset after the end marker, by the lengths of the tile-parts (T.800 A.4.2)."""
    damaged = refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    while True:
        marker = stream[position : position + 2]
        if marker == b"\xff\xd9":
            return position + 2
        length = int.from_bytes(stream[position + 2 : position + 4], "big")
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] < 0x50 or length < 2:
            raise damaged
        if marker != _START_OF_TILE:
            position += 2 + length
            continue
        part = int.from_bytes(stream[position + 6 : position + 10], "big")
        if part == 0:  # the last one, up to the end marker
            end = stream.rstrip(b"\0")
            if end[-2:] != b"\xff\xd9" or len(end) - 2 < position + 14:
                raise damaged
            return len(end)
        if part < 14:
            raise damaged
        position += part
