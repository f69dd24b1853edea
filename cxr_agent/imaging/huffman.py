"""Whether Huffman-coded data of a JPEG holds exactly the blocks that it should.

libjpeg fills damaged data with grey and only warns, and Pillow drops the warning. Damage in the
middle of a scan shifts all codes after it, so the number of blocks, or the place where the last
one ends, no longer fits: counting them finds it.

A code can only be read once the one before it has been, but a decoder that starts anywhere soon
falls into step. So the data is read at thousands of places at once, each lane until the next
one's start, and lanes whose start proves wrong are read again.

References
----------
ITU-T T.81 annex F.2.2 (sequential), G.1.2 (progressive). Self-synchronisation: Klein and
Wiseman, "Parallel Huffman decoding with applications to JPEG files", Comput. J. 46 (2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_LANE_BITS: Final = 2048
_MOST_ROUNDS: Final = 40
_INVALID: Final = 0
_END_OF_BLOCK: Final = 255
_TABLE: Final = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class CodeTable:
    """What follows from the next 16 bits, whatever they are."""

    skip: NDArray[np.uint8]
    """(65536,) bits of the code and of the number that follows it."""
    advance: NDArray[np.uint8]
    """(65536,) coefficients passed; 255 for the end of the block, 0 for no code at all."""
    run: NDArray[np.uint8]
    """(65536,) r of an end-of-band code EOBr."""


@dataclass(frozen=True, slots=True, eq=False)
class ScanPlan:
    """What one scan holds."""

    tables: tuple[CodeTable, ...]
    """DC and AC table for each block of an MCU, in turn."""
    first: int
    """First coefficient of a block in this scan."""
    last: int
    progressive: bool


def code_table(counts: bytes, symbols: bytes, *, dc: bool, progressive: bool) -> CodeTable | None:
    """The table for a DHT segment (T.81 B.2.4.2, C); ``None`` for one that is no prefix code."""
    skip = np.zeros(_TABLE, dtype=np.uint8)
    advance = np.zeros(_TABLE, dtype=np.uint8)
    run = np.zeros(_TABLE, dtype=np.uint8)
    start = index = 0
    for length, count in enumerate(counts, 1):
        width = 1 << (16 - length)
        for symbol in symbols[index : index + count]:
            if start + width > _TABLE:
                return None
            part = slice(start, start + width)
            bits, steps, end_run = _meaning(symbol, dc=dc, progressive=progressive)
            skip[part], advance[part], run[part] = length + bits, steps, end_run
            start += width
        index += count
    return CodeTable(skip, advance, run)


def _meaning(symbol: int, *, dc: bool, progressive: bool) -> tuple[int, int, int]:
    """Bits after the code, coefficients passed, and the r of EOBr."""
    high, low = symbol >> 4, symbol & 15
    if dc:
        return (symbol, 1, 0) if symbol <= 15 else (0, _INVALID, 0)
    if low:
        return low, high + 1, 0
    if high == 15:
        return 0, 16, 0
    if high and not progressive:
        return 0, _INVALID, 0
    return high, _END_OF_BLOCK, high


def holds(segments: list[bytes], blocks: list[int], plan: ScanPlan) -> bool:
    """Whether each segment holds its number of blocks and not a byte more.

    Parameters
    ----------
    segments
        Entropy-coded data between restart markers, without stuffed zeros.
    blocks
        Blocks that each segment must hold.
    """
    reader = _Lanes(segments, plan)
    return reader.settle() and reader.ends_well(np.array(blocks, dtype=np.int64))


class _Lanes:
    """All lanes of all segments. A state is a bit position, a block of the MCU, a coefficient."""

    def __init__(self, segments: list[bytes], plan: ScanPlan) -> None:
        self.plan = plan
        self.turns = len(plan.tables) // 2
        self.skip = np.concatenate([table.skip for table in plan.tables])
        self.advance = np.concatenate([table.advance for table in plan.tables])
        self.run = np.concatenate([table.run for table in plan.tables])
        data = np.frombuffer(b"".join(segments) + bytes(8), dtype=np.uint8).astype(np.uint32)
        self.words = data[:-3] << 24 | data[1:-2] << 16 | data[2:-1] << 8 | data[3:]
        lengths = np.array([8 * len(segment) for segment in segments], dtype=np.int64)
        self.segment_end = np.cumsum(lengths)
        starts = self.segment_end - lengths
        per_segment = np.maximum(1, lengths // _LANE_BITS)
        self.last_lane = np.cumsum(per_segment) - 1
        self.first_lane = self.last_lane - per_segment + 1
        segment = np.repeat(np.arange(len(segments)), per_segment)
        place = np.arange(segment.size) - self.first_lane[segment]
        self.start = starts[segment] + lengths[segment] * place // per_segment[segment]
        self.end = np.append(self.start[1:], self.segment_end[-1])
        count = self.start.size
        self.state = np.stack([self.start, np.zeros(count, np.int64), np.full(count, plan.first)])
        self.blocks = np.zeros(count, dtype=np.int64)
        self.sound = np.ones(count, dtype=np.bool_)

    def settle(self) -> bool:
        """Read until every lane began where the one before it ended."""
        after = np.zeros_like(self.state)
        fixed = np.zeros(self.start.size, dtype=np.bool_)
        fixed[self.first_lane] = True
        inner = np.ones(self.start.size, dtype=np.bool_)
        inner[self.last_lane] = False  # its end is not known by position
        stale = np.flatnonzero(inner)
        for _ in range(_MOST_ROUNDS):
            if not stale.size:
                return bool(self.sound[inner].all())
            after[:, stale], self.blocks[stale], self.sound[stale] = self._read(
                self.state[:, stale], self.end[stale], None
            )
            wanted = np.where(fixed, self.state, np.roll(after, 1, axis=1))
            changed = (wanted != self.state).any(axis=0)
            self.state = wanted
            stale = np.flatnonzero(changed & inner)
        return True  # never fell into step, as with a picture of one tone: nothing is known

    def ends_well(self, expected: Ints) -> bool:
        """Whether the last lanes hold what is missing, up to the padding of the last byte."""
        before = np.append(0, np.cumsum(self.blocks))
        missing = expected - (before[self.last_lane] - before[self.first_lane])
        if (missing < 0).any():
            return False
        after, found, sound = self._read(self.state[:, self.last_lane], self.segment_end, missing)
        left = self.segment_end - after[0]
        return bool((sound & (found == missing) & (left >= 0) & (left < 8)).all())

    def _read(self, state: Ints, end: Ints, missing: Ints | None) -> tuple[Ints, Ints, Any]:
        """Read each lane to ``end``, or until nothing is ``missing``."""
        after, found = state.copy(), np.zeros(state.shape[1], dtype=np.int64)
        sound = np.ones(state.shape[1], dtype=np.bool_)
        lanes = np.arange(state.shape[1])
        position, turn, step = state.copy()
        blocks, good = found.copy(), sound.copy()
        while True:
            done = position >= end
            if missing is not None:
                done |= blocks >= missing
            if done.any():
                at = lanes[done]
                after[:, at] = position[done], turn[done], step[done]
                found[at], sound[at] = blocks[done], good[done]
                going = ~done
                lanes, position, turn, step = (a[going] for a in (lanes, position, turn, step))
                blocks, good, end = blocks[going], good[going], end[going]
                missing = None if missing is None else missing[going]
            if not lanes.size:
                return after, found, sound
            position, turn, step, blocks, good = self._symbol(position, turn, step, blocks, good)

    def _symbol(self, position: Ints, turn: Ints, step: Ints, blocks: Ints, good: Any) -> Any:
        """One code of every lane."""
        plan = self.plan
        word = self.words[position >> 3].astype(np.int64)
        code = (word >> (16 - (position & 7))) & 0xFFFF
        code += (2 * turn + (step > 0)) * _TABLE
        advance = self.advance[code].astype(np.int64)
        ended = advance == _END_OF_BLOCK
        good = good & (advance != _INVALID)
        step = np.where(ended, plan.last + 1, step + advance)
        good &= step <= plan.last + 1
        finished = step > plan.last
        blocks = blocks + finished
        skip = np.maximum(1, self.skip[code].astype(np.int64))
        if plan.progressive:
            blocks += self._run_after(position, code, skip, ended)
        step = np.where(finished, plan.first, step)
        turn = np.where(finished, (turn + 1) % self.turns, turn)
        return position + skip, turn, step, blocks, good

    def _run_after(self, position: Ints, code: Ints, skip: Ints, ended: Any) -> Ints:
        """Further blocks that an EOBr ends: 2**r - 1, and the number in the r bits after it."""
        run = self.run[code].astype(np.int64)
        at = position + skip - run
        word = self.words[np.minimum(at >> 3, self.words.size - 1)].astype(np.int64)
        number = (word >> np.maximum(0, 32 - (at & 7) - run)) & ((1 << run) - 1)
        return np.where(ended, (1 << run) - 1 + number, 0)
