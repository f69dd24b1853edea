"""Which runs there are, without reading them: their first and last line are enough."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cxr_agent.errors import TraceError
from cxr_agent.trace.durable import TEMPORARY
from cxr_agent.trace.events import RunFinished, RunStarted
from cxr_agent.trace.layout import ARTIFACTS, LAST, LINES
from cxr_agent.trace.line import MAX_LINE_BYTES, Line, stamp
from cxr_agent.trace.reader import lines_file, not_readable, parse, too_long

_TAIL: Final = 64 * 1024
"""Bytes read at the end of a file: many times a ``run_finished`` line."""


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """What a list of runs shows of each."""

    name: str
    """Name of the folder."""
    directory: Path
    started: str | None = None
    """UTC, ISO 8601."""
    planner: str | None = None
    program_version: str | None = None
    status: str | None = None
    """As the run ended; None while it runs or when it was cut off."""
    seconds: float | None = None
    problem: str | None = None
    """Code of the error when there is no first line to be read."""


def list_traces(root: Path) -> tuple[TraceHeader, ...]:
    """Headers of the runs in ``root``, newest first; empty when there is no such folder.

    A damaged run is listed with its problem: it must not hide the others.

    Raises
    ------
    TraceError
        ``trace_not_readable`` when the folder itself cannot be read.
    """
    headers = [_header(folder) for folder in _folders(root)]
    return tuple(sorted(headers, key=_age, reverse=True))


def find_trace(root: Path, name: str) -> Path:
    """The folder of a run.

    Parameters
    ----------
    root
        Folder of traces.
    name
        A run id, the beginning of exactly one, ``last``, or a path.

    Raises
    ------
    TraceError
        ``trace_not_found``, ``trace_ambiguous`` or ``trace_not_readable``.
    """
    if name == LAST:
        headers = list_traces(root)
        if not headers:
            raise TraceError(
                "trace_not_found", f"there is no trace in {root}", hint="read a film first"
            )
        return headers[0].directory
    folders = _folders(root)
    exact = [folder for folder in folders if folder.name == name]
    matches = exact or [folder for folder in folders if name and folder.name.startswith(name)]
    if len(matches) > 1:
        raise TraceError(
            "trace_ambiguous",
            f"{len(matches)} runs begin with {name}",
            hint="type more of the run id",
        )
    if matches:
        return matches[0]
    try:
        is_path = bool(name) and Path(name).exists()
    except OSError as error:  # a name too long, a folder closed to us
        raise not_readable(error, Path(name)) from error
    if is_path:
        return lines_file(Path(name)).parent
    raise TraceError("trace_not_found", f"no run {name} in {root}", hint="see `trace list`")


def _folders(root: Path) -> list[Path]:
    try:
        return [folder for folder in root.iterdir() if _is_run(folder)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise not_readable(error, root) from error


def _is_run(folder: Path) -> bool:
    """A run that lost its lines is still one, and so may be a folder that is closed to us."""
    if folder.name.startswith(TEMPORARY):
        return False  # a run that is being deleted
    try:
        return any(item.name in (LINES, ARTIFACTS) for item in folder.iterdir())
    except (NotADirectoryError, FileNotFoundError):
        return False
    except OSError:
        return True


def _age(header: TraceHeader) -> tuple[str, str]:
    """Sorts by start; a run that does not tell its own counts as of its last change."""
    started = header.started or stamp(datetime.fromtimestamp(_changed(header.directory), UTC))
    return started, header.name


def _changed(folder: Path) -> float:
    for path in (folder / LINES, folder):
        try:
            return path.stat().st_mtime
        except OSError:
            continue
    return 0.0


def _header(folder: Path) -> TraceHeader:
    try:
        first, last = _ends(lines_file(folder))
    except TraceError as error:
        return TraceHeader(folder.name, folder, problem=error.code)
    if first is None:
        return TraceHeader(folder.name, folder)
    event = first.event
    end = last.event if last is not None else None
    return TraceHeader(
        name=folder.name,
        directory=folder,
        started=first.time,
        planner=event.planner if isinstance(event, RunStarted) else None,
        program_version=event.program_version if isinstance(event, RunStarted) else None,
        status=end.status if isinstance(end, RunFinished) else None,
        seconds=end.seconds if isinstance(end, RunFinished) else None,
    )


def _ends(file: Path) -> tuple[Line | None, Line | None]:
    """The first and the last whole line, as far as they can be had without reading the rest."""
    try:
        with file.open("rb") as stream:
            head = stream.readline(MAX_LINE_BYTES + 1)
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _TAIL))
            tail = stream.read(_TAIL)
    except OSError as error:
        raise not_readable(error, file) from error
    if len(head) > MAX_LINE_BYTES and not head.endswith(b"\n"):
        raise too_long(1)
    first = parse(head[:-1], 1) if head.endswith(b"\n") else None
    # A torn end or a last line longer than the tail is no ``run_finished``.
    pieces = tail.split(b"\n")
    if len(pieces) < 2 or pieces[-1]:
        return first, None
    try:
        return first, parse(pieces[-2], 0)
    except TraceError:
        return first, None
