"""One line of ``trace.jsonl``: an event with its place in time and in the hash chain."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Final

import orjson
from pydantic import AfterValidator, Field

from cxr_agent.trace.events import Event
from cxr_agent.trace.fields import Frozen, Sha256, fields_of

GENESIS: Final = "0" * 64
"""``previous`` of the first line."""
MAX_LINE_BYTES: Final = 16 * 2**20
FIRST: Final = 1
"""``seq`` of the first line: a line's number in the file is its sequence number."""


def _real_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


class Line(Frozen):
    """An event as it stands in the file."""

    seq: int = Field(ge=FIRST)
    """1, 2, 3 ... without a gap."""
    time: Annotated[
        str,
        Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"),
        AfterValidator(_real_time),
    ]
    """Wall clock, UTC. It may jump; ``monotonic`` does not."""
    monotonic: float
    """Seconds of a clock that never goes back; only differences mean anything."""
    previous: Sha256
    """SHA-256 of the bytes of the line before, without its line feed; zeros at first."""
    event: Event

    @property
    def at(self) -> datetime:
        """``time`` as an aware datetime."""
        return datetime.fromisoformat(self.time)


def stamp(moment: datetime) -> str:
    """UTC, ISO 8601, always with six digits of microseconds so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode(line: Line) -> bytes:
    """The bytes of a line, without the line feed: compact JSON, keys sorted, UTF-8."""
    try:
        return orjson.dumps(line, default=fields_of, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer of more than 64 bits, as a server may give for its tokens
        text = json.dumps(
            line.model_dump(mode="json"),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        )
        return text.encode("utf-8")


def decode(data: bytes) -> Line:
    """The line in ``data``; raises :class:`pydantic.ValidationError`."""
    return Line.model_validate_json(data)


def digest(data: bytes) -> str:
    """SHA-256 in hex: of a line for the chain, of an artifact for its name."""
    return hashlib.sha256(data).hexdigest()
