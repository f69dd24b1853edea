"""Identifiers that occur nowhere else, and looking for them however they may be written.

Each is one of four shapes, as the field takes it: a word, a UID, a date, a number. A word carries
a marker, so one search finds them all in every encoding; the others are looked up in the set of
what was planted.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

MARKER: Final = "QZXCANARY"
UID_ROOT: Final = "1.2.826.0.1.3680043.9.77777"
_FIRST_DAY: Final = date(1851, 1, 1)
_DAY: Final = re.compile(rb"(?<![0-9a-fA-F.])18[5-7]\d[-./]?\d\d[-./]?\d\d(?![0-9a-fA-F])")
_GERMAN_DAY: Final = re.compile(rb"(?<!\d)(\d\d)[./](\d\d)[./](18[5-7]\d)(?!\d)")
_NUMBER: Final = re.compile(rb"(?<![0-9a-fA-F.])17770\d{5}(?![0-9a-fA-F])")
_HASH: Final = re.compile(rb"[0-9a-f]{64}")
_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_EMBEDDED: Final = re.compile(rb"data:[a-z/+-]+;base64,([A-Za-z0-9+/=]+)")


@dataclass
class Planted:
    """What was planted, each with the place where it is."""

    places: dict[str, str] = field(default_factory=dict)
    _days: int = 0

    def __len__(self) -> int:
        return len(self.places)

    def word(self, place: str) -> str:
        """At most 14 characters, in capitals: every kind of text field takes it."""
        return self._new(f"{MARKER}{len(self.places):05d}", place)

    def uid(self, place: str) -> str:
        return self._new(f"{UID_ROOT}.{len(self.places)}", place)

    def day(self, place: str) -> str:
        """As a header writes it, in years in which nobody took a film."""
        self._days += 1
        return self._new(f"{_FIRST_DAY + timedelta(self._days):%Y%m%d}", place)

    def number(self, place: str) -> str:
        """Ten digits, as of a telephone."""
        return self._new(f"17770{len(self.places):05d}", place)

    def _new(self, text: str, place: str) -> str:
        assert text not in self.places
        self.places[text] = place
        return text

    def found_in(self, data: bytes) -> list[str]:
        """What of it is in some bytes, whatever they are: a name and where it was planted."""
        hits: set[str] = set()
        for plain in _layers(data):
            hits |= self._words(plain) | self._exact(plain)
        return sorted(hits)

    def _words(self, data: bytes) -> set[str]:
        hits = set()
        for how, pattern in _MARKERS:
            for match in pattern.finditer(data):
                around = data[match.start() : match.start() + 60]
                hits.add(f"{how}: {self._named(around)}")
        return hits

    def _named(self, around: bytes) -> str:
        name = re.match(rf"{MARKER}\d{{5}}".encode(), around, re.IGNORECASE)
        text = name[0].decode().upper() if name else ""
        return f"{text} of {self.places[text]}" if text in self.places else repr(around)

    def _exact(self, data: bytes) -> set[str]:
        found = [match[0] for match in _NUMBER.finditer(data)]
        found += [re.sub(rb"[-./]", b"", match[0]) for match in _DAY.finditer(data)]
        found += [match[3] + match[2] + match[1] for match in _GERMAN_DAY.finditer(data)]
        hits = {text for one in found if (text := one.decode()) in self.places}
        hashes = self._hashes()
        hits |= {f"SHA-256 of {hashes[one[0]]}" for one in _HASH.finditer(data) if one[0] in hashes}
        return {f"{text} ({self.places.get(text, 'hashed')})" for text in hits}

    def _hashes(self) -> dict[bytes, str]:
        """A hash without a key gives away what can be guessed."""
        if len(self._hashed) != len(self.places):
            self._hashed = {
                hashlib.sha256(text.encode()).hexdigest().encode(): text for text in self.places
            }
        return self._hashed

    _hashed: dict[bytes, str] = field(default_factory=dict)


def written_forms(text: str) -> Iterator[bytes]:
    """How a word may come out."""
    yield text.encode()
    yield text.lower().encode()
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    yield text.encode("latin-1").ljust(64, b" ")
    yield text.encode().ljust(64, b"\0")
    yield text.encode().hex().encode()
    yield text.encode().hex(" ").encode()
    yield "".join(f"%{byte:02X}" for byte in text.encode()).encode()
    yield quote(f"Jane {text}").encode()
    yield f"Jane^{text}".encode()
    yield text[::-1].encode()
    for before in range(3):
        yield base64.b64encode(b"x" * before + text.encode() + b"yy")
    yield zlib.compress(text.encode())


def _marker_patterns() -> Iterator[tuple[str, re.Pattern[bytes]]]:
    for name, text in (("word", MARKER), ("UID", UID_ROOT)):
        raw = text.encode()
        yield name, re.compile(re.escape(raw), re.IGNORECASE)
        yield f"{name} reversed", re.compile(re.escape(raw[::-1]), re.IGNORECASE)
        yield f"{name} in UTF-16", re.compile(re.escape(text.encode("utf-16-le")[:-1]))
        yield f"{name} in UTF-16", re.compile(re.escape(text.encode("utf-16-be")[1:]))
        yield f"{name} in hex", re.compile(rb"[ :]?".join(b"%02x" % b for b in raw), re.I)
        yield f"{name} in per cent", re.compile(b"".join(b"%%%02X" % b for b in raw), re.I)
        for before in range(3):
            code = base64.b64encode(b"x" * before + raw + b"y" * 3)
            # The first and the last characters depend on what is around it.
            cut = code[(4 if before else 0) : 4 * ((before + len(raw)) // 3)]
            yield f"{name} in base 64", re.compile(re.escape(cut))


_MARKERS: Final = tuple(_marker_patterns())


def _layers(data: bytes) -> Iterator[bytes]:
    """The bytes, and what is packed in them: compressed chunks, archives, embedded pictures."""
    yield data
    for match in _EMBEDDED.finditer(data):
        yield from _layers(base64.b64decode(match[1] + b"=="))
    if data.startswith(_PNG_SIGNATURE):
        yield from _chunks(data)
    elif data[:2] == b"PK":
        yield from _members(data)
    elif data[:2] in (b"x\x9c", b"x\x01", b"x\xda"):
        yield _inflated(data)
    elif data[:2] == b"\x1f\x8b":
        yield zlib.decompressobj(31).decompress(data)


def _chunks(data: bytes) -> Iterator[bytes]:
    at = len(_PNG_SIGNATURE)
    pixels = b""
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            pixels += body
        elif kind in (b"zTXt", b"iTXt", b"iCCP"):
            for start in range(len(body)):
                if body[start : start + 1] == b"x":
                    yield _inflated(body[start:])
        at += 12 + length
    yield _inflated(pixels)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data)
    except zlib.error:
        return b""


def _members(data: bytes) -> Iterator[bytes]:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as file:
        for name in file.namelist():
            yield name.encode()
            yield from _layers(file.read(name))


def leaks_in(folder: Path, planted: Planted, allowed: Iterable[str] = ()) -> list[str]:
    """What is found below a folder, in names and in content, but for patterns of paths."""
    leaks = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(name.match(pattern) for pattern in allowed):
            continue
        leaks += [f"name of {name}: {hit}" for hit in planted.found_in(str(name).encode())]
        if path.is_file():
            leaks += [f"{name}: {hit}" for hit in planted.found_in(path.read_bytes())]
    return leaks
