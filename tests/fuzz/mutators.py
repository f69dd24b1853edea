"""Ways to damage a file, blind and by what it is."""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final

Mutator = Callable[[bytes, random.Random], bytes]

_TOKENS: Final = (
    b"\0", b"\0" * 64, b"\xff" * 8, b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0",
    b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\xdd\xe0\0\0\0\0", b"DICM", b"IEND", b"\xff\xd8",
    b"\xff\xd9", b"\xff\xda", b"%s%n%x", b"{{7*7}}", b"<script>", b"../../../etc/passwd", b"NaN",
    b"Infinity", b"-Infinity", b"1e999", b"1e-999", b"9" * 400, b"-1", b"0x10", b"null", b"true",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xae", b"\\ud800", b"\\u0000", b"[" * 2000,
    b"{" * 2000, b'{"a":' * 1200, b"]", b'"', b"'''", b"\"\"\"", b"a." * 300, b"\r\n", b"\n", b"=",
    b"#", b",", b";", b"\\", b"__proto__", b"\x1f\x8b", b"PK\3\4", b"\x1b[2J", b"1" * 30 + b" cm",
)  # fmt: skip
_NUMBERS: Final = (
    0, 1, 2, 7, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 2,
    2**32 - 1,
)  # fmt: skip
_LONGEST: Final = 1 << 20


def flip(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 8, 40))):
        if changed:
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def cut(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data) + 1)]


def leave_out(data: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(data) + 1)
    return data[:start] + data[start + dice.choice((1, 2, 4, 9, 100, 1000)) :]


def repeat(data: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(data) + 1)
    part = data[start : start + dice.choice((1, 4, 8, 60, 500))]
    return data[:start] + part * dice.choice((1, 2, 30)) + data[start:]


def splice(data: bytes, dice: random.Random) -> bytes:
    start, other = dice.randrange(len(data) + 1), dice.randrange(len(data) + 1)
    size = dice.choice((2, 8, 64, 700))
    return data[:start] + data[other : other + size] + data[start + size :]


def insert(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) + 1)
    token = dice.choice(_TOKENS)
    over = dice.choice((0, len(token)))
    return data[:at] + token + data[at + over :]


def number(data: bytes, dice: random.Random) -> bytes:
    """A number of 2 or 4 bytes somewhere, in either order: often a length."""
    kind = dice.choice(("<H", ">H", "<I", ">I"))
    size = struct.calcsize(kind)
    if len(data) < size:
        return data
    at = dice.randrange(len(data) - size + 1)
    value = dice.choice(_NUMBERS) & (256**size - 1)
    return data[:at] + struct.pack(kind, value) + data[at + size :]


BLIND: Final[tuple[Mutator, ...]] = (flip, cut, leave_out, repeat, splice, insert, number)


def by_chunk(data: bytes, dice: random.Random) -> bytes:
    """A PNG with a chunk changed, twice, gone or elsewhere, its checksum right again."""
    chunks = _chunks(data)
    if len(chunks) < 2:
        return flip(data, dice)
    place = dice.randrange(len(chunks))
    kind, body = chunks[place]
    match dice.randrange(5):
        case 0:
            chunks[place] = kind, dice.choice(BLIND)(body, dice)
        case 1:
            chunks.insert(dice.randrange(len(chunks)), (kind, body))
        case 2:
            del chunks[place]
        case 3:
            dice.shuffle(chunks)
        case _:
            chunks[place] = (
                dice.choice((b"tRNS", b"PLTE", b"iCCP", b"eXIf", b"acTL", b"zTXt")),
                body,
            )
    return data[:8] + b"".join(map(_chunk, chunks))


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def _chunk(one: tuple[bytes, bytes]) -> bytes:
    kind, body = one
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def by_element(data: bytes, dice: random.Random) -> bytes:
    """A DICOM film of explicit VR with elements changed, twice, gone or elsewhere."""
    start = data.find(b"\x08\0\x16\0", 132)
    if start < 0:
        return flip(data, dice)
    elements = _elements(data, start)
    if len(elements) < 2:
        return flip(data, dice)
    place = dice.randrange(len(elements))
    match dice.randrange(6):
        case 0:
            elements[place] = dice.choice(BLIND)(elements[place], dice)
        case 1:
            elements.insert(place, elements[place])
        case 2:
            del elements[place]
        case 3:
            other = dice.randrange(len(elements))
            elements[place], elements[other] = elements[other], elements[place]
        case 4:
            vr = dice.choice((b"US", b"UN", b"SQ", b"OB", b"LO", b"DS", b"UT", b"??", b"FD"))
            elements[place] = elements[place][:4] + vr + elements[place][6:]
        case _:
            value = dice.choice(_TOKENS)[:60]
            value += b" " * (len(value) % 2)
            elements[place] = elements[place][:6] + struct.pack("<H", len(value)) + value
    return data[:start] + b"".join(elements)


def _elements(data: bytes, at: int) -> list[bytes]:
    found = []
    while at + 8 <= len(data):
        long = data[at + 4 : at + 6] in (b"OB", b"OW", b"SQ", b"UN", b"UT")
        head = 12 if long else 8
        size = int.from_bytes(data[at + head - (4 if long else 2) : at + head], "little")
        end = min(len(data), at + head + size)
        found.append(data[at:end])
        at = end
    return found


def by_value(data: bytes, dice: random.Random) -> bytes:
    """JSON, or a line of several documents, with a value or key put in place of another."""
    lines = data.splitlines(keepends=True) or [b""]
    place = dice.randrange(len(lines))
    try:
        told = json.loads(lines[place])
    except (ValueError, RecursionError):
        return dice.choice(BLIND)(data, dice)
    lines[place] = json.dumps(_changed(told, dice)).encode() + b"\n"
    return b"".join(lines)


def _strange(dice: random.Random) -> Any:
    return dice.choice(
        (None, True, False, 0, -1, 1e308, float("nan"), float("inf"), 2**70, "", "a" * 5000, "\0",
         "\ud800", "NaN", "../..", [], {}, [[]], [None] * 50, {"": {}}, {"a": 1}, "🫁", "-0", 0.1)
    )  # fmt: skip


def _changed(told: Any, dice: random.Random) -> Any:
    if isinstance(told, dict) and told and dice.random() < 0.9:
        key = dice.choice(list(told))
        match dice.randrange(8):
            case 0:
                return {name: value for name, value in told.items() if name != key}
            case 1:
                return {**told, dice.choice(("extra", "__class__", "", key + " ")): told[key]}
            case 2:
                return {**told, key: told[dice.choice(list(told))]}
            case _:
                return {**told, key: _changed(told[key], dice)}
    if isinstance(told, list) and told and dice.random() < 0.9:
        place = dice.randrange(len(told))
        return [*told[:place], _changed(told[place], dice), *told[place + dice.randrange(2) :]]
    return _strange(dice)


def by_line(data: bytes, dice: random.Random) -> bytes:
    """TOML, CSV or a report with lines moved, twice, gone, or a value put in another's place."""
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return dice.choice(BLIND)(data, dice)
    place, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    match dice.randrange(5):
        case 0:
            lines[place], lines[other] = lines[other], lines[place]
        case 1:
            lines.insert(other, lines[place])
        case 2:
            del lines[place]
        case 3:
            name, _, _ = lines[place].partition(b"=")
            lines[place] = name + b"= " + dice.choice(_TOML) + b"\n"
        case _:
            lines[place] = dice.choice(BLIND)(lines[place], dice)
    return b"".join(lines)


_TOML: Final = (
    b"1", b"-1", b"nan", b"inf", b"true", b"''", b"'a'", b"[]", b"{}", b"[[1]]", b"1e400", b"0x1F",
    b"1979-05-27", b"99999999999999999999999", b"{a = {b = 1}}", b"['a', 1]", b'"\\u0000"',
)  # fmt: skip


def mutated(data: bytes, dice: random.Random, aware: Sequence[Mutator]) -> bytes:
    """One to four damages, half of them by what the file is."""
    for _ in range(dice.choice((1, 1, 2, 4))):
        pool = aware if aware and dice.random() < 0.5 else BLIND
        data = dice.choice(pool)(data, dice)[:_LONGEST]
    return data
