"""Reading a run back: a cut-off end is tolerated and reported, a damaged middle is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Self

from pydantic import ValidationError

from cxr_agent.errors import TraceError
from cxr_agent.trace.events import SCHEMA_VERSION, Event, RunFinished, RunStarted
from cxr_agent.trace.head import read_head
from cxr_agent.trace.layout import ARTIFACTS, LINES
from cxr_agent.trace.line import MAX_LINE_BYTES, Line, decode, digest

if TYPE_CHECKING:
    from cxr_agent.trace.known import KnownEvidence
    from cxr_agent.trace.why import Why

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Trace:
    """A run as read from its folder; iterating gives its events.

    trace = Trace.load("traces/20260101T120000Z-00000001")
    print(trace.why("The heart is enlarged"))
    trace.evidence.present("pleural_effusion")
    """

    directory: Path
    lines: tuple[Line, ...]
    digests: tuple[str, ...]
    """SHA-256 of each line as it stands in the file, for :func:`cxr_agent.trace.verify`."""
    torn: bool
    """The file ended in the middle of a line, which was dropped."""
    ends: tuple[int, ...] = ()
    """Bytes of the file up to the end of each line."""
    head_file: bytes | None = None
    """The head file as it stands; None where there is none."""

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a run from its folder or its ``trace.jsonl``; raises as :func:`read_trace`."""
        trace = read_trace(Path(path))
        return cls(
            trace.directory, trace.lines, trace.digests, trace.torn, trace.ends, trace.head_file
        )

    def __iter__(self) -> Iterator[Event]:
        return (line.event for line in self.lines)

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(line.event for line in self.lines)

    @property
    def run_id(self) -> str:
        """As recorded; the folder may have been renamed."""
        return self.started.run_id if self.started else self.directory.name

    @property
    def started(self) -> RunStarted | None:
        first = self.lines[0].event if self.lines else None
        return first if isinstance(first, RunStarted) else None

    @property
    def finished(self) -> RunFinished | None:
        """The last event when it ends the run; None for a run that was cut off or goes on."""
        last = self.lines[-1].event if self.lines else None
        return last if isinstance(last, RunFinished) else None

    def artifact(self, sha256: str) -> bytes:
        """The file with this hash.

        Raises
        ------
        TraceError
            ``artifact_missing``, ``artifact_damaged`` when its content has another hash, or
            ``trace_not_readable``.
        """
        return read_artifact(self.directory, sha256)

    # What is made of a run is imported where it is asked for: it imports this module.

    @property
    def evidence(self) -> KnownEvidence:
        """All that the run came to know, in its order."""
        from cxr_agent.trace.known import known_in

        return known_in(self)

    def why(self, what: str | int) -> Why:
        """What a sentence rests on, down to the weights and the film.

        Parameters
        ----------
        what
            The text of a sentence or a part that no other has, its number in the report from 1,
            or the id of evidence.

        Raises
        ------
        UsageError
            ``unknown_sentence`` or ``ambiguous_sentence``.
        """
        from cxr_agent.trace.why import why

        return why(self, what)


def read_artifact(directory: Path, sha256: str) -> bytes:
    """A file of the run in ``directory``; raises as :meth:`Trace.artifact`."""
    # The hash may come from a damaged trace: it must not lead out of the folder.
    path = directory / ARTIFACTS / sha256
    try:
        if not _SHA256.fullmatch(sha256) or not path.is_file():
            raise TraceError("artifact_missing", f"no artifact {sha256[:64]!r} in the trace")
        data = path.read_bytes()
    except OSError as error:
        raise not_readable(error, path) from error
    if digest(data) != sha256:
        raise TraceError(
            "artifact_damaged",
            f"the artifact {sha256} has other content than when it was written",
            hint="do not rely on this run; read the film again",
        )
    return data


def read_trace(path: Path) -> Trace:
    """Read a run.

    Parameters
    ----------
    path
        Folder of the run, or its ``trace.jsonl``.

    Raises
    ------
    TraceError
        ``trace_not_found``, ``trace_not_readable``, ``trace_damaged`` with the number of the
        line, or ``trace_schema`` for a trace of a version that this program does not know.
    """
    file = lines_file(path)
    lines: list[Line] = []
    digests: list[str] = []
    ends: list[int] = []
    torn = False
    try:
        # First: a run that is being written has all lines that its head tells of by then.
        head = read_head(file.parent)
        with file.open("rb") as stream:
            for number, data, whole in raw_lines(stream):
                if not whole:
                    torn = True
                    break
                lines.append(parse(data, number))
                digests.append(digest(data))
                ends.append(stream.tell())
    except OSError as error:
        raise not_readable(error, file) from error
    return Trace(file.parent, tuple(lines), tuple(digests), torn, tuple(ends), head)


def lines_file(path: Path) -> Path:
    """``trace.jsonl`` of a run named by its folder or by that file."""
    try:
        file = path / LINES if path.is_dir() else path
        found = file.is_file()  # also keeps a pipe or a device from blocking the read
    except OSError as error:
        raise not_readable(error, path) from error
    if not found:
        raise TraceError("trace_not_found", f"there is no trace at {path}", hint="see `trace list`")
    return file


def parse(data: bytes, number: int) -> Line:
    """One line of the file; ``number`` counts from 1."""
    try:
        return decode(data)
    except (ValidationError, RecursionError) as error:
        version = _schema_version(data)
        if version is not None and not 1 <= version <= SCHEMA_VERSION:
            raise TraceError(
                "trace_schema",
                f"the trace has schema version {version}; this program reads 1 to {SCHEMA_VERSION}",
                hint="use a newer version of cxr-agent",
            ) from error
        # The validation error is not shown: it would quote the file.
        raise TraceError(
            "trace_damaged",
            f"line {number} of the trace is damaged",
            hint="restore the file from a copy; the lines before are intact",
        ) from error


def not_readable(error: OSError, path: Path) -> TraceError:
    """The error for a file that is there but cannot be read."""
    return TraceError(
        "trace_not_readable",
        f"cannot read {path}: {error.strerror or type(error).__name__}",
        hint="check its permissions",
    )


def too_long(number: int) -> TraceError:
    """The error for a line longer than any that a run writes."""
    return TraceError(
        "trace_damaged",
        f"line {number} of the trace is damaged: over {MAX_LINE_BYTES} bytes",
        hint="restore the file from a copy; the lines before are intact",
    )


def raw_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes, bool]]:
    """(number, bytes without the line feed, whether the line is whole) of each line.

    Raises
    ------
    TraceError
        ``trace_damaged`` at a line longer than any that a run writes.
    """
    number = 0
    while data := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if data.endswith(b"\n"):
            yield number, data[:-1], True
        elif len(data) <= MAX_LINE_BYTES:
            yield number, data, False
        else:
            raise too_long(number)


def _schema_version(data: bytes) -> int | None:
    try:
        version = json.loads(data)["event"]["schema_version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return version if type(version) is int else None
