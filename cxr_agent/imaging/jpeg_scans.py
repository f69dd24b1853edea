"""The entropy-coded data of a JPEG, checked scan by scan.

References
----------
ITU-T T.81 annex A.2 (order of blocks), B.2 (segments), E.1.4 (restarts).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from cxr_agent.errors import InputCode
from cxr_agent.imaging.codestream import SCAN_END
from cxr_agent.imaging.huffman import CodeTable, ScanPlan, code_table, holds
from cxr_agent.imaging.limits import MIB
from cxr_agent.imaging.refusal import refusal

_RESTART: Final = re.compile(rb"\xff([\xd0-\xd7])")
_PERIODS: Final = range(1, 9)
_MOST_PERIODS: Final = 512
_PROGRESSIVE: Final = 0xC2
_MOST_SCAN_BYTES: Final = 12 * MIB
"""Longer scans are left to the decoder alone: counting would take seconds."""


@dataclass(frozen=True, slots=True)
class _Component:
    across: int
    """Horizontal sampling factor."""
    down: int


@dataclass(slots=True)
class _Frame:
    rows: int
    columns: int
    progressive: bool
    components: dict[int, _Component]

    @property
    def largest(self) -> tuple[int, int]:
        """The largest horizontal and vertical sampling factor."""
        parts = self.components.values()
        return max(part.across for part in parts), max(part.down for part in parts)


@dataclass(slots=True)
class _Walk:
    data: bytes
    frame: _Frame | None = None
    interval: int = 0
    tables: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    """Counts and symbols by class and destination, as written in DHT."""


def check_scans(data: bytes) -> None:
    """Count the blocks of every scan of a Huffman-coded JPEG.

    The structure must have passed :func:`~cxr_agent.imaging.codestream.read_jpeg`. Scans that
    refine AC coefficients are not counted, which would need all earlier ones decoded: there only
    a stretch of one pattern shows.

    Raises
    ------
    InputError
        ``corrupt_header`` for impossible tables or components, ``corrupt_compressed_stream``.
    """
    walk = _Walk(data)
    position = 2
    while True:
        while data[position] == 0xFF:
            position += 1
        marker = data[position]
        if marker == 0xD9:
            return
        length = int.from_bytes(data[position + 1 : position + 3], "big")
        body = data[position + 3 : position + 1 + length]
        position += 1 + length
        if marker in (0xC0, 0xC1, _PROGRESSIVE):
            walk.frame = _frame(marker, body)
        elif marker == 0xC4:
            _huffman_tables(walk, body)
        elif marker == 0xDD:
            walk.interval = int.from_bytes(body[:2], "big")
        elif marker == 0xDA:
            match = SCAN_END.search(data, position)
            assert match is not None
            _check_scan(walk, body, data[position : match.start()])
            position = match.start()


def _frame(marker: int, body: bytes) -> _Frame:
    components: dict[int, _Component] = {}
    for at in range(6, len(body), 3):
        across, down = body[at + 1] >> 4, body[at + 1] & 15
        if not (1 <= across <= 4 and 1 <= down <= 4) or body[at] in components:
            raise refusal(InputCode.CORRUPT_HEADER)
        components[body[at]] = _Component(across, down)
    rows, columns = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    return _Frame(rows, columns, marker == _PROGRESSIVE, components)


def _huffman_tables(walk: _Walk, body: bytes) -> None:
    while body:
        counts, total = body[1:17], sum(body[1:17])
        symbols = body[17 : 17 + total]
        if len(counts) != 16 or len(symbols) != total or total > 256:
            raise refusal(InputCode.CORRUPT_HEADER)
        walk.tables[body[0]] = counts, symbols
        body = body[17 + total :]


def _check_scan(walk: _Walk, body: bytes, coded: bytes) -> None:
    frame = walk.frame
    assert frame is not None
    first, last, approximation = body[-3:]
    last = last if frame.progressive else 63
    chosen = [(body[at], body[at + 1]) for at in range(1, len(body) - 3, 2)]
    parts = [frame.components.get(name) for name, _ in chosen]
    if not parts or None in parts or not first <= last <= 63 or (first and len(parts) > 1):
        raise refusal(InputCode.CORRUPT_HEADER)
    if frame.progressive and (first == 0) is not (last == 0):
        raise refusal(InputCode.CORRUPT_HEADER)
    used = [part for part in parts if part is not None]
    mcus, per_mcu = _size(frame, used)
    pieces = _restart_segments(coded, walk.interval, mcus)
    if frame.progressive and approximation >> 4:
        if first == 0 and any(
            8 * len(piece) - count * sum(per_mcu) not in range(8) for piece, count in pieces
        ):  # one bit for each block
            raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
        if _repeats(coded):
            raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
        return
    if len(coded) > _MOST_SCAN_BYTES:
        return
    tables: list[CodeTable] = []
    for (_, choice), repeat in zip(chosen, per_mcu, strict=True):
        dc = _table(walk, choice >> 4, dc=True) if first == 0 else None
        ac = _table(walk, 0x10 | (choice & 15), dc=False) if last else None
        # A scan of only one kind never asks for the other.
        nothing = dc or ac
        assert nothing is not None
        tables += [dc or nothing, ac or nothing] * repeat
    plan = ScanPlan(tuple(tables), first, last, frame.progressive)
    blocks = [count * sum(per_mcu) for _, count in pieces]
    if not holds([piece for piece, _ in pieces], blocks, plan):
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)


def _repeats(coded: bytes) -> bool:
    """Whether one short pattern comes over and over.

    A refining scan holds bits of noise, and runs for what has none: no picture looks like that.
    """
    data = np.frombuffer(coded, dtype=np.uint8)
    for period in _PERIODS:
        breaks = np.flatnonzero(data[period:] != data[:-period])
        gaps = np.diff(breaks, prepend=-1, append=max(0, data.size - period))
        if gaps.max() > period * _MOST_PERIODS:
            return True
    return False


def _size(frame: _Frame, parts: list[_Component]) -> tuple[int, list[int]]:
    """Number of MCUs, and of blocks of each component in one (T.81 A.2.2, A.2.3)."""
    across, down = frame.largest
    if len(parts) > 1:
        mcus = -(-frame.columns // (8 * across)) * -(-frame.rows // (8 * down))
        return mcus, [part.across * part.down for part in parts]
    part = parts[0]
    columns = -(-frame.columns * part.across // across)
    rows = -(-frame.rows * part.down // down)
    return -(-columns // 8) * -(-rows // 8), [1]


def _restart_segments(coded: bytes, interval: int, mcus: int) -> list[tuple[bytes, int]]:
    """The data between restart markers, without stuffing, and its number of MCUs."""
    parts = _RESTART.split(coded)
    pieces, marks = parts[::2], parts[1::2]
    counts = [mcus]
    if interval:
        counts = [min(interval, mcus - done) for done in range(0, mcus, interval)]
    in_order = all(mark[0] == 0xD0 + n % 8 for n, mark in enumerate(marks))
    if len(pieces) != len(counts) or not in_order:
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    return [(p.replace(b"\xff\0", b"\xff"), n) for p, n in zip(pieces, counts, strict=True)]


def _table(walk: _Walk, name: int, *, dc: bool) -> CodeTable:
    assert walk.frame is not None
    if name not in walk.tables:
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    counts, symbols = walk.tables[name]
    table = code_table(counts, symbols, dc=dc, progressive=walk.frame.progressive)
    if table is None:
        raise refusal(InputCode.CORRUPT_HEADER)
    return table
