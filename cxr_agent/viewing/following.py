"""A run's further lines for a page that shows it, as server-sent events."""

from __future__ import annotations

import json
import threading
import time
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from cxr_agent.trace import RunFinished, read_artifact, salvage_trace
from cxr_agent.viewing.answering import Answering, Refused
from cxr_agent.viewing.gathering import Gathering
from cxr_agent.viewing.page import verification_of
from cxr_agent.viewing.tail import Tail

_POLL_S: Final = 0.2
_HEARTBEAT_S: Final = 5.0


def stream_run(
    answering: Answering,
    directory: Path,
    fields: dict[str, str],
    streams: threading.BoundedSemaphore,
    closing: threading.Event,
) -> None:
    """Lines as they are acknowledged, until one side ends.

    Parameters
    ----------
    fields
        Of the address: ``after`` is the number of lines that the page has.
    streams
        How many may be open.
    closing
        Set when they are to end.
    """
    # A browser that comes back tells how far it got.
    given = answering.headers.get("Last-Event-ID") or fields.get("after", "0")
    if not (given.isascii() and given.isdigit() and len(given) < 10):
        raise Refused(HTTPStatus.BAD_REQUEST, "bad_request", "after is a number of lines")
    if not streams.acquire(blocking=False):
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "too many pages are open")
    try:
        answering.head(HTTPStatus.OK, "text/event-stream")
        _follow(answering, directory, int(given), closing)
    finally:
        streams.release()


def send_event(answering: Answering, kind: str, count: int, data: dict[str, Any]) -> None:
    """One event of a stream."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))  # on one line
    answering.wfile.write(f"event: {kind}\nid: {count}\ndata: {text}\n\n".encode("ascii"))


def _follow(answering: Answering, directory: Path, after: int, closing: threading.Event) -> None:
    gathering = Gathering(partial(read_artifact, directory))
    tail = Tail(directory)
    count, heard = 0, 0.0
    while not closing.wait(_POLL_S if heard else 0):
        lines = tail.further()
        if lines is None:
            send_event(answering, "again", count, {})
            return
        known = max(0, min(len(lines), after - count))
        gathering.skip(lines[:known])
        new = lines[known:]
        start, count = count + known, count + len(lines)
        if new:
            data = gathering.take(new, start)
            if any(isinstance(line.event, RunFinished) for line in new):
                data["verification"] = verification_of(*salvage_trace(directory))
            send_event(answering, "lines", count, data)
        elif time.monotonic() - heard > _HEARTBEAT_S:
            answering.wfile.write(b": still here\n\n")
        else:
            continue
        heard = time.monotonic()
