"""A run while it goes on: each line once its writer has ended it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cxr_agent.errors import TraceError
from cxr_agent.trace.events import RunFinished
from cxr_agent.trace.layout import LINES
from cxr_agent.trace.line import FIRST, MAX_LINE_BYTES, Line
from cxr_agent.trace.reader import not_readable, parse, too_long

POLL_S: Final = 0.2


def follow(directory: Path, poll_s: float = POLL_S) -> Iterator[Line]:
    """Lines of the run in ``directory`` as they come, until ``run_finished`` is the last.

    The file may be missing or empty at first, and may end in the middle of a line. It is only
    read: no lock is tried that could keep a writer out.

    Raises
    ------
    TraceError
        As :func:`cxr_agent.trace.read_trace`; ``trace_not_found`` when the run is deleted.
    """
    file = directory / LINES
    size, number, finished = 0, FIRST, False
    while True:
        now, data = _grown(file, size)
        if now < size:  # an interrupted writer took back the line that it had not acknowledged
            size, number, data = now, number - 1, b""
        if data is None and (size or not directory.is_dir()):
            raise TraceError("trace_not_found", f"the run {directory.name} was deleted")
        whole = (data or b"").rpartition(b"\n")[0]
        for raw in whole.split(b"\n") if whole else ():
            line = parse(raw, number)
            yield line
            size += len(raw) + 1
            number += 1
            finished = isinstance(line.event, RunFinished)
        if finished and not whole:  # looked once more: a resumed run goes on after its end
            return
        if not whole:
            if data is not None and len(data) > MAX_LINE_BYTES:
                raise too_long(number)
            time.sleep(poll_s)


def _grown(file: Path, size: int) -> tuple[int, bytes | None]:
    """Size of the file, and what it has after ``size``; None when there is no such file."""
    try:
        if not file.is_file():
            return size, None
        with file.open("rb") as stream:
            now = stream.seek(0, os.SEEK_END)
            stream.seek(size)
            return now, stream.read()
    except FileNotFoundError:
        return size, None
    except OSError as error:
        raise not_readable(error, file) from error
