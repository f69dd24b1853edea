"""One kept result as bytes: written whole, and read only where every bit is as it was written.

An entry is a mark, the SHA-256 of all that follows, the length of a JSON header, the header, and
the files and repeats that it lists. Masks stand as the PNG files that go to the trace, so that what
is kept is what is recorded; heatmaps and pictures are needed as files alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct
import zlib
from typing import Any, Final, Literal

import numpy as np
from pydantic import Field

from cxr_agent.evidence import Observation
from cxr_agent.toolbox.cache.content import MaskDigests, packed
from cxr_agent.toolbox.contract import Abstain, BoolMask, Mask, ToolSpec
from cxr_agent.toolbox.taken import AbstainedBefore, Taken
from cxr_agent.trace.fields import Code, Frozen, JsonObject, Name, Sha256, Text

_MARK: Final = b"cxr-agent result\n"
_LENGTH: Final = struct.Struct(">I")
_REPEATS_AT_MOST: Final = 256
_FAST: Final = 1
"""zlib's level: repeats shrink tenfold at any."""


class _File(Frozen):
    name: Name
    size: int = Field(ge=0)


class _Repeats(Frozen):
    shape: tuple[int, int, int]
    size: int = Field(ge=0)


class _Mask(Frozen):
    structure: Name
    model: Name | None
    digest: Sha256
    repeats: _Repeats | None


class _Header(Frozen):
    """What an entry holds, before the bytes of its files and repeats in their order."""

    key: Sha256
    outcome: Literal["ok", "abstained"]
    subject: Name | None = None
    reasons: tuple[Code, ...] = ()
    record: JsonObject = Field(default_factory=dict)
    statements: tuple[tuple[Observation, Text], ...] = ()
    files: tuple[_File, ...] = ()
    masks: tuple[_Mask, ...] = ()


def encode_abstention(key: str, outcome: Abstain) -> bytes:
    """The entry of a call that abstained; raises ValueError where it cannot be kept."""
    header = {"subject": outcome.subject, "reasons": outcome.reasons}
    return _entry({"key": key, "outcome": "abstained", **header}, [])


def encode(key: str, taken: Taken, digests: MaskDigests) -> bytes:
    """The entry of a call that was answered; raises ValueError where it cannot be kept."""
    masks, repeats = [], []
    for name, mask in taken.masks.items():
        more = None
        if mask.repeats is not None:
            repeats.append(zlib.compress(packed(mask.repeats), _FAST))
            more = {"shape": mask.repeats.shape, "size": len(repeats[-1])}
        masks.append(
            {"structure": name, "model": mask.model, "digest": digests.of(mask), "repeats": more}
        )
    header = {
        "key": key,
        "outcome": "ok",
        "record": taken.record,
        "statements": [
            (observation.model_dump(mode="json", include=set(Observation.model_fields)), reading)
            for observation, reading in taken.statements
        ],
        "files": [{"name": name, "size": len(data)} for name, data in taken.files.items()],
        "masks": masks,
    }
    return _entry(header, [*taken.files.values(), *repeats])


def _entry(header: dict[str, Any], blobs: list[bytes]) -> bytes:
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    _Header.model_validate(json.loads(text))  # what would not be read is not written
    body = b"".join((_LENGTH.pack(len(text)), text, *blobs))
    return _MARK + hashlib.sha256(body).digest() + body


def decode(
    data: bytes, key: str, spec: ToolSpec, shape: tuple[int, int], digests: MaskDigests
) -> Taken | AbstainedBefore | None:
    """What an entry holds; None for anything that is not whole, not this call's or not possible.

    Parameters
    ----------
    shape
        (rows, columns) of the film: no mask is larger.
    """
    try:
        return _decoded(data, key, spec, shape, digests)
    except Exception:  # whoever can write to the folder can put anything there
        return None


def _decoded(
    data: bytes, key: str, spec: ToolSpec, shape: tuple[int, int], digests: MaskDigests
) -> Taken | AbstainedBefore:
    start = len(_MARK) + hashlib.sha256().digest_size
    body = memoryview(data)[start:]
    if data[:start] != _MARK + hashlib.sha256(body).digest():
        raise ValueError("not whole")
    (length,) = _LENGTH.unpack(body[: _LENGTH.size])
    blobs = _Blobs(body, _LENGTH.size)
    header = _Header.model_validate(json.loads(blobs.take(length)))
    if header.key != key:
        raise ValueError("of another call")
    if header.outcome == "abstained":
        if header.subject is None or not header.reasons:
            raise ValueError("no reason")
        return AbstainedBefore(header.subject, *header.reasons)
    files = {file.name: blobs.take(file.size) for file in header.files}
    masks: dict[str, Mask] = {}
    for about in header.masks:
        if about.structure not in spec.provides:
            raise ValueError("a mask that the tool does not provide")
        plane = _plane(files.get(about.structure, b""), shape)
        repeats = None
        if about.repeats is not None:
            repeats = _repeats(blobs.take(about.repeats.size), about.repeats.shape, shape)
        masks[about.structure] = Mask(about.structure, plane, repeats, about.model)
    blobs.require_end()
    for about in header.masks:
        digests.know(masks[about.structure], about.digest)
    return Taken(dict(header.record), header.statements, files, masks, cached=True)


class _Blobs:
    """Bytes handed out one after the other; raises ValueError beyond the end and before it."""

    def __init__(self, body: memoryview, at: int) -> None:
        self._body, self._at = body, at

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._body):
            raise ValueError("too short")
        taken, self._at = bytes(self._body[self._at : end]), end
        return taken

    def require_end(self) -> None:
        if self._at != len(self._body):
            raise ValueError("too long")


def _plane(png: bytes, shape: tuple[int, int]) -> BoolMask:
    """The mask in a 1-bit PNG; ValueError where it is none of the film's size."""
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
        rows, columns = shape
        if picture.mode != "1" or picture.size != (columns, rows):
            raise ValueError("no mask of this film")
        data = np.frombuffer(picture.tobytes(), dtype=np.uint8).reshape(rows, -1)
    return np.unpackbits(data, axis=1, count=columns).view(np.bool_)


def _repeats(data: bytes, shape: tuple[int, int, int], film: tuple[int, int]) -> BoolMask:
    """Repeats of ``shape``, (K, r, c); ValueError where that is not what the data are."""
    count, rows, columns = shape
    fits = 0 < rows <= film[0] and 0 < columns <= film[1] and 0 < count <= _REPEATS_AT_MOST
    if not fits:
        raise ValueError("repeats beyond the film")
    bits = math.prod(shape)
    size = (bits + 7) // 8
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(data, size + 1)
    if len(plain) != size or not unpacker.eof or unpacker.unused_data:
        raise ValueError("repeats of another size")
    flat = np.unpackbits(np.frombuffer(plain, dtype=np.uint8), count=bits)
    return flat.view(np.bool_).reshape(shape)
