"""How calls and replies of isolated tools travel: a JSON object and the planes that it names.

A message is a mark, the lengths of the two parts, the JSON and the bytes of the planes in the
order in which the JSON names them. Nothing in it is executed or unpickled, every length is bounded
before it is read, and what does not fit is no message.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

MARK: Final = b"CXRTOOL1"
"""The protocol and its version."""
PREFIX: Final = struct.Struct("<8sIQ")
"""Mark, bytes of JSON, bytes of planes."""
MAX_JSON_BYTES: Final = 16 << 20
MAX_CALL_BYTES: Final = 4 << 30
"""All planes of a call: two films at every bound, with 150 masks each."""
_MAX_SIDE: Final = 65_536

Kind = Literal["bits", "u1", "f4", "f8"]
Part = bytes | memoryview
_DTYPES: Final[dict[str, str]] = {"u1": "|u1", "f4": "<f4", "f8": "<f8"}


class BadMessage(ValueError):  # noqa: N818 - what arrived, not what went wrong here
    """What arrived is no message, or not the one that was due."""


@dataclass(slots=True)
class PlaneWriter:
    """Collects the planes of a message."""

    parts: list[Part] = field(default_factory=list)
    unpacked_bytes: int = 0
    """What they take where they are read."""

    def add(self, plane: object) -> dict[str, Any]:
        """What the JSON says of a plane.

        Raises
        ------
        ValueError
            For anything but an array of bool, bytes or floating-point numbers.
        """
        if not isinstance(plane, np.ndarray):
            raise ValueError("no plane")
        kind = _kind(plane)
        if kind == "bits":
            self.parts.append(np.packbits(plane).tobytes())
        else:
            whole = np.ascontiguousarray(plane, dtype=_DTYPES[kind])
            self.parts.append(whole.reshape(-1).data.cast("B") if whole.size else b"")
        self.unpacked_bytes += plane.nbytes
        return {"kind": kind, "shape": list(plane.shape)}


class PlaneReader:
    """Hands the planes of a message out, in their order."""

    def __init__(self, body: memoryview) -> None:
        self._body, self._at = body, 0
        self.unpacked_bytes = 0

    def take(self, about: object, kinds: tuple[Kind, ...], dimensions: int) -> NDArray[Any]:
        """The next plane, read-only; BadMessage unless it is of such a kind and is all there."""
        match about:
            case {"kind": str() as kind, "shape": list() as shape, **rest} if not rest:
                pass
            case _:
                raise BadMessage("no plane")
        if kind not in kinds or len(shape) != dimensions:
            raise BadMessage("a plane of another kind")
        if not all(type(side) is int and 0 <= side <= _MAX_SIDE for side in shape):
            raise BadMessage("a plane of no shape")
        count = math.prod(shape)
        dtype = np.dtype("u1" if kind == "bits" else _DTYPES[kind])
        size = (count + 7) // 8 if kind == "bits" else count * dtype.itemsize
        if size > len(self._body) - self._at:
            raise BadMessage("a plane that is not there")
        flat = np.frombuffer(self._body[self._at : self._at + size], dtype=dtype)
        self._at += size
        if kind == "bits":
            flat = np.unpackbits(flat, count=count).view(np.bool_)
        plane = flat.reshape(shape)
        plane.setflags(write=False)
        self.unpacked_bytes += plane.nbytes
        return plane

    def require_end(self) -> None:
        """Raise BadMessage where something is left."""
        if self._at != len(self._body):
            raise BadMessage("more than was named")


def message(head: dict[str, Any], planes: PlaneWriter | None = None) -> list[Part]:
    """The bytes of a message, in parts.

    Raises
    ------
    ValueError
        When the head cannot be told in JSON, or not in so little.
    """
    parts = [] if planes is None else planes.parts
    text = json.dumps(head, separators=(",", ":"), allow_nan=False).encode("ascii")
    if len(text) > MAX_JSON_BYTES:
        raise ValueError("too much to say")
    return [PREFIX.pack(MARK, len(text), sum(map(len, parts))) + text, *parts]


def read_prefix(prefix: bytes | bytearray, most: int) -> tuple[int, int]:
    """Bytes of JSON and of planes; BadMessage where they are no message's, or planes over most."""
    if len(prefix) != PREFIX.size:
        raise BadMessage("too short")
    mark, text, body = PREFIX.unpack(prefix)
    if mark != MARK or text > MAX_JSON_BYTES or body > most:
        raise BadMessage("no message")
    return text, body


def read_head(text: bytes | bytearray) -> dict[str, Any]:
    """The JSON object; BadMessage for anything else, and for NaN."""
    try:
        head = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise BadMessage("no JSON") from None
    if not isinstance(head, dict):
        raise BadMessage("no object")
    return head


def _no_number(name: str) -> float:
    raise BadMessage(f"{name} is no number")


def _kind(plane: NDArray[Any]) -> Kind:
    match plane.dtype.kind:
        case "b":
            return "bits"
        case "f":
            return "f4" if plane.dtype.itemsize <= 4 else "f8"
    if plane.dtype == np.uint8:
        return "u1"
    raise ValueError("a plane of another type")
