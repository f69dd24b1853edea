"""One kept result as bytes: written whole, and read only where every bit is as it was written.

An entry is a mark, the SHA-256 of all that follows, the length of a JSON header, the header, and
the files and masks that it lists. The files are those that go to the trace; heatmaps and pictures
are needed as such alone. Masks stand beside their PNG: packed bits are read in a tenth of the time.
"""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final, Literal

import numpy as np
import orjson
from pydantic import Field, TypeAdapter

from cxr_agent.evidence import Observation
from cxr_agent.toolbox.cache.content import MaskDigests, squeezed
from cxr_agent.toolbox.contract import Abstain, BoolMask, Mask, ToolSpec
from cxr_agent.toolbox.taken import AbstainedBefore, Taken
from cxr_agent.trace.fields import Code, Frozen, JsonObject, Name, Sha256, Text

_MARK: Final = b"cxr-agent result\n"
_LENGTH: Final = struct.Struct(">I")
_REPEATS_AT_MOST: Final = 256
_GRID_AT_MOST: Final = 2048
"""Pixels of a side: on a small film a network's own grid is the finer one."""
_RECORD: Final[TypeAdapter[dict[str, Any]]] = TypeAdapter(JsonObject)


class _File(Frozen):
    name: Name
    size: int = Field(ge=0)


class _Plane(Frozen):
    """Packed bits; (rows, columns), or (K, rows, columns) of repeats."""

    shape: tuple[int, ...]
    size: int = Field(ge=0)
    """Compressed, in bytes."""


class _Mask(Frozen):
    structure: Name
    model: Name | None
    digest: Sha256
    plane: _Plane
    repeats: _Plane | None


class _Header(Frozen):
    """What an entry holds, before the bytes of its files and its masks' planes in their order."""

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
    header = _Header(key=key, outcome="abstained", subject=outcome.subject, reasons=outcome.reasons)
    return _entry(header, [])


def encode(key: str, taken: Taken, digests: MaskDigests) -> bytes:
    """The entry of a call that was answered; raises ValueError where it cannot be kept."""
    planes = [squeezed(mask) for mask in taken.masks.values()]
    # Not validated as a whole: what an answer states was, and is again when it is read.
    header = _Header.model_construct(
        key=key,
        outcome="ok",
        record=_RECORD.validate_python(dict(taken.record)),
        statements=taken.statements,
        files=tuple(_File(name=name, size=len(data)) for name, data in taken.files.items()),
        masks=tuple(
            _described(mask, its, digests)
            for mask, its in zip(taken.masks.values(), planes, strict=True)
        ),
    )
    return _entry(header, [*taken.files.values(), *chain.from_iterable(planes)])


def _described(mask: Mask, planes: Sequence[bytes], digests: MaskDigests) -> _Mask:
    plane, *of_repeats = planes
    repeats = None
    if mask.repeats is not None:
        _check_repeats(mask.repeats.shape, mask.plane.shape)
        repeats = _Plane(shape=mask.repeats.shape, size=len(of_repeats[0]))
    return _Mask(
        structure=mask.structure,
        model=mask.model,
        digest=digests.of(mask, planes),
        plane=_Plane(shape=mask.plane.shape, size=len(plane)),
        repeats=repeats,
    )


def _entry(header: _Header, blobs: list[bytes]) -> bytes:
    try:
        text = orjson.dumps(header.model_dump(mode="json"))
    except TypeError as error:  # a number too large, or text that no file can hold
        raise ValueError("no JSON") from error
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
    header = _Header.model_validate(orjson.loads(blobs.take(length)))
    if header.key != key:
        raise ValueError("of another call")
    if header.outcome == "abstained":
        if header.subject is None or not header.reasons:
            raise ValueError("no reason")
        return AbstainedBefore(header.subject, *header.reasons)
    files = {file.name: blobs.take(file.size) for file in header.files}
    masks: dict[str, Mask] = {}
    for about in header.masks:
        if about.structure not in spec.provides or about.structure not in files:
            raise ValueError("a mask that the tool does not provide, or that is not recorded")
        masks[about.structure] = _read_mask(about, blobs, shape)
    blobs.require_end()
    for about in header.masks:
        digests.know(masks[about.structure], about.digest)
    return Taken(dict(header.record), header.statements, files, masks, cached=True)


def _read_mask(about: _Mask, blobs: _Blobs, film: tuple[int, int]) -> Mask:
    if about.plane.shape != film:
        raise ValueError("no mask of this film")
    plane = _unpacked(blobs.take(about.plane.size), film)
    repeats = None
    if about.repeats is not None:
        _check_repeats(about.repeats.shape, film)
        repeats = _unpacked(blobs.take(about.repeats.size), about.repeats.shape)
    return Mask(about.structure, plane, repeats, about.model)


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


def _check_repeats(shape: tuple[int, ...], film: tuple[int, ...]) -> None:
    """Raise ValueError unless it is that of some repeats, on a network's grid or the film's."""
    count, *sides = shape
    most = [max(side, _GRID_AT_MOST) for side in film]
    fits = len(sides) == len(film) and all(0 < a <= b for a, b in zip(sides, most, strict=True))
    if not (0 < count <= _REPEATS_AT_MOST and fits):
        raise ValueError("no repeats of this film")


def _unpacked(data: bytes, shape: tuple[int, ...]) -> BoolMask:
    """The plane that was packed; ValueError where the data are not just that."""
    bits = math.prod(shape)
    size = (bits + 7) // 8
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(data, size + 1)
    if len(plain) != size or not unpacker.eof or unpacker.unused_data:
        raise ValueError("a plane of another size")
    flat = np.unpackbits(np.frombuffer(plain, dtype=np.uint8), count=bits)
    return flat.view(np.bool_).reshape(shape)
