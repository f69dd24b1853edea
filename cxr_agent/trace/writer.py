"""Writing a run: what :meth:`TraceWriter.append` has returned is on the disk.

An fsync costs as much for one line as for many. So what belongs to the event that follows is held
(:meth:`TraceWriter.hold`), and goes to the disk with it.

Who acknowledges nothing before a run has ended, as a batch does, can have it written in the same
way but synced once, at its end: a kill loses nothing then either, and a power cut a run that nobody
was told of.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cxr_agent.errors import OutputError, TraceError, UsageError
from cxr_agent.trace.durable import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    output_error,
    sync_files,
    sync_folder,
    write_all,
    write_file,
)
from cxr_agent.trace.events import Event, RunFinished
from cxr_agent.trace.head import Head, write_head
from cxr_agent.trace.layout import ARTIFACTS, LAST, LINES
from cxr_agent.trace.line import FIRST, GENESIS, MAX_LINE_BYTES, Line, digest, encode, stamp
from cxr_agent.trace.reader import Trace, lines_file, read_trace
from cxr_agent.trace.verify import verify

_RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_TRIES: Final = 16


@dataclass(frozen=True, slots=True)
class _End:
    """Where the chain ends; one value, so that an interrupt finds the old end or the new one."""

    seq: int
    previous: str
    size: int
    """Bytes of the file once it has what is held."""
    finished: bool = False
    """The last line ends the run."""
    held: bytes = b""
    """Lines that are not written yet."""
    events: tuple[Event, ...] = ()
    """Those of the lines that are held."""

    @property
    def written(self) -> int:
        """Bytes of the file that are acknowledged."""
        return self.size - len(self.held)


class TraceWriter:
    """Appends the events of one run; made by :meth:`create` or :meth:`resume`.

    Threads may share it. A second process is kept out while the writer is open.
    """

    def __init__(
        self,
        directory: Path,
        descriptor: int,
        end: _End | None = None,
        *,
        sync_at_end: bool = False,
    ) -> None:
        self.directory = directory
        self.on_event: Callable[[Event], None] | None = None
        """Told of each event once it is on the disk, to show how a run goes on."""
        self._descriptor: int | None = descriptor
        self._end = end or _End(seq=FIRST - 1, previous=GENESIS, size=0)
        self._sealed = self._end.seq
        """Line after which there is nothing that the head file should tell of."""
        self._broken: OutputError | None = None
        self._lock = threading.Lock()
        self._artifact_lock = threading.Lock()
        self._unsynced = False
        """Whether the folder of artifacts has names that may not be on the disk."""
        self._sync_at_end = sync_at_end
        self._behind: list[Path] = []
        """Artifacts whose content may not be on the disk."""

    @classmethod
    def create(cls, root: Path, run_id: str | None = None, *, sync_at_end: bool = False) -> Self:
        """Make the folder of a new run under ``root``; never one that exists.

        Parameters
        ----------
        root
            Folder of traces; made when missing.
        run_id
            Name of the run; by default the UTC time to the second and eight random hex digits,
            which sorts by time.
        sync_at_end
            Leave it to the end of the run that a power cut loses nothing: for who tells nobody of
            it before.

        Raises
        ------
        UsageError
            ``bad_run_id``.
        OutputError
            ``trace_exists``, ``disk_full`` or ``trace_not_writable``.
        """
        if run_id is not None and (not _RUN_ID.fullmatch(run_id) or run_id == LAST):
            raise UsageError(
                "bad_run_id",
                "a run id is up to 128 letters, digits, dots, dashes and underscores",
                hint="leave it out and one is made",
            )
        try:
            root.mkdir(parents=True, exist_ok=True)
            directory = _new_folder(root, run_id)
            try:
                descriptor = _open_lines(directory, sync=not sync_at_end)
                return cls(directory, descriptor, sync_at_end=sync_at_end)
            except BaseException:
                shutil.rmtree(directory, ignore_errors=True)  # nothing is recorded in it yet
                raise
        except OSError as error:
            raise output_error(error, root) from error

    @classmethod
    def resume(cls, directory: Path) -> tuple[Self, Trace]:
        """Go on with a run that ended or was cut off; a torn last line is cut away.

        Returns
        -------
        tuple
            The writer, and what the run wrote so far.

        Raises
        ------
        TraceError
            As :func:`read_trace`, and ``trace_damaged`` where the trace is not intact: nothing
            is built on a record that was changed.
        OutputError
            ``trace_in_use`` while another process writes it, ``disk_full`` or
            ``trace_not_writable``.
        """
        file = lines_file(directory)
        directory = file.parent
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        except OSError as error:
            raise output_error(error, directory) from error
        try:
            _lock(descriptor, directory)
            trace = read_trace(directory)
            found = verify(trace)
            if not found.intact or not trace.lines:
                raise TraceError(
                    "trace_damaged",
                    f"the run {trace.run_id} is not as it was written, so it cannot go on",
                    hint="see `trace verify`; read the film again",
                )
            end = _End(
                seq=trace.lines[-1].seq,
                previous=found.head,
                size=trace.ends[-1],
                finished=trace.finished is not None,
            )
            # The head file stays, and tells of this end until there is a newer one.
            os.ftruncate(descriptor, end.size)
            return cls(directory, descriptor, end), trace
        except OSError as error:
            os.close(descriptor)
            raise output_error(error, directory) from error
        except BaseException:
            os.close(descriptor)
            raise

    @property
    def run_id(self) -> str:
        return self.directory.name

    @property
    def ended(self) -> bool:
        """The last event ends the run, so that none but a resumed run may follow."""
        return self._end.finished

    def append(self, event: Event) -> Line:
        """Write one event, after those that are held; when this returns, no crash can lose it.

        A failure ends the writer: what the disk holds after a failed fsync is unknown, and a
        run must not go on past a step that is not recorded.

        Raises
        ------
        OutputError
            ``disk_full``, ``trace_not_writable``, ``trace_line_too_long`` or ``trace_closed``.
        """
        return self.append_all((event,))[0]

    def append_all(self, events: Sequence[Event]) -> tuple[Line, ...]:
        """Write events that belong together, with one fsync for all; else as :meth:`append`.

        A kill in between leaves the first few of them, as it would have between two appends.
        """
        with self._lock:
            descriptor = self._usable()
            lines, end = _chained(self._end, events)
            self._write(descriptor, end)
            if end.finished:
                self._seal()
        self._tell(end.events)
        return lines

    def hold(self, event: Event) -> Line:
        """Give an event its place in the chain now, and write it with the next one.

        For what may be lost in a crash as long as nothing follows from it. An interrupt or an
        error of another event leaves it where it is: the order stays.

        Raises
        ------
        OutputError
            ``trace_line_too_long``, ``trace_closed``, or as an earlier event that failed.
        """
        return self.hold_all((event,))[0]

    def hold_all(self, events: Sequence[Event]) -> tuple[Line, ...]:
        """Hold events that belong together, all or none; else as :meth:`hold`."""
        with self._lock:
            self._usable()
            lines, self._end = _chained(self._end, events)
        return lines

    def flush(self) -> None:
        """Write what is held; raises as :meth:`append`."""
        self.append_all(())

    def put(self, data: bytes) -> str:
        """Keep ``data`` as an artifact under its SHA-256, which is returned.

        Put an artifact before the event that names it: then no event points to nothing. Its
        name is on the disk when the next event is.
        A failure ends the writer, as in :meth:`append`.

        Raises
        ------
        OutputError
            ``disk_full``, ``trace_not_writable`` or ``trace_closed``.
        """
        sha256 = digest(data)
        path = self.directory / ARTIFACTS / sha256
        with self._artifact_lock:
            self._usable()
            try:
                # Also for one that is there: who wrote it may have been killed before it did so.
                self._unsynced = True
                if not path.exists():
                    write_file(path, data, sync=not self._sync_at_end)
                    if self._sync_at_end:
                        self._behind.append(path)
            except OSError as error:
                self._broken = output_error(error, self.directory)
                raise self._broken from error
        return sha256

    def close(self) -> None:
        """Write what is held and stop; may be called twice.

        Raises
        ------
        OutputError
            As :meth:`append`, where something was held. What was acknowledged is on the disk.
        """
        with self._lock:
            descriptor, end = self._descriptor, self._end
            if descriptor is None:
                return
            try:
                if self._broken is None:
                    self._write(descriptor, end)
                    self._seal()
            finally:
                self._descriptor = None
                os.close(descriptor)
        if self._broken is None:
            self._tell(end.events)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, descriptor: int, end: _End) -> None:
        """Write up to ``end``, with one fsync; where nothing is held, nothing is done."""
        if not end.held:
            return
        sync = end.finished or not self._sync_at_end
        if sync:
            self._sync_artifacts()
        try:
            write_all(descriptor, end.held)
            if sync:
                os.fsync(descriptor)
            self._end = _End(end.seq, end.previous, end.size, end.finished)
        except OSError as error:
            self._take_back(descriptor)
            self._broken = output_error(error, self.directory)
            raise self._broken from error
        except BaseException:
            self._take_back(descriptor)
            raise

    def _seal(self) -> None:
        """Tell in the head file which line is the last.

        Where that fails, the lines are there all the same, and ``verify`` says that they are not
        sealed: no reason to call a run failed that ended well.
        """
        end = self._end
        if end.seq == self._sealed:
            return
        with suppress(OSError):
            write_head(self.directory, Head(end.seq, end.previous, end.size))
            self._sealed = end.seq

    def _tell(self, events: Sequence[Event]) -> None:
        """Outside the lock: who listens may write."""
        if self.on_event is not None:
            for event in events:
                self.on_event(event)

    def _sync_artifacts(self) -> None:
        """Make artifacts durable by name and content, before an event that may point to them."""
        with self._artifact_lock:
            if not self._unsynced:
                return
            try:
                if self._sync_at_end:
                    sync_files(self._behind)
                    self._behind.clear()
                    sync_folder(self.directory.parent)
                sync_folder(self.directory / ARTIFACTS)
                self._unsynced = False
            except OSError as error:
                self._broken = output_error(error, self.directory)
                raise self._broken from error

    def _usable(self) -> int:
        if self._broken is not None:
            raise self._broken
        if self._descriptor is None:
            raise OutputError("trace_closed", f"the trace {self.run_id} is closed")
        return self._descriptor

    def _take_back(self, descriptor: int) -> None:
        """Cut off what was written but not acknowledged, or the next line would follow it."""
        try:
            os.ftruncate(descriptor, self._end.written)
        except OSError as error:
            self._broken = output_error(error, self.directory)


def _chained(end: _End, events: Sequence[Event]) -> tuple[tuple[Line, ...], _End]:
    """The events as lines after ``end``, and the end that holds them."""
    lines, held = [], bytearray(end.held)
    seq, previous, size = end.seq, end.previous, end.size
    now, monotonic = stamp(datetime.now(UTC)), time.monotonic()
    for event in events:
        # Not validated: of a line, nothing but the event comes from elsewhere, and that is valid.
        line = Line.model_construct(
            seq=seq + 1,
            time=now,
            monotonic=monotonic,
            previous=previous,
            event=event,
        )
        data = encode(line)
        if len(data) > MAX_LINE_BYTES:
            raise OutputError(
                "trace_line_too_long",
                f"a {event.type} event takes more than {MAX_LINE_BYTES} bytes",
                hint="large results belong in artifacts",
            )
        seq, previous, size = line.seq, digest(data), size + len(data) + 1
        lines.append(line)
        held += data + b"\n"
    if not lines:
        return (), end
    finished = isinstance(lines[-1].event, RunFinished)
    return tuple(lines), _End(seq, previous, size, finished, bytes(held), (*end.events, *events))


def _open_lines(directory: Path, *, sync: bool) -> int:
    """Descriptor of the empty file of lines; with ``sync``, it and its folders are on the disk."""
    (directory / ARTIFACTS).mkdir(mode=PRIVATE_FOLDER)
    descriptor = os.open(
        directory / LINES,
        os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
        PRIVATE_FILE,
    )
    try:
        _lock(descriptor, directory)
        if sync:
            sync_folder(directory)
            sync_folder(directory.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _lock(descriptor: int, directory: Path) -> None:
    """Keep other processes from writing the same run; the lock ends with the descriptor."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(
            "trace_in_use",
            f"another process is writing the run {directory.name}",
            hint="end the other session first",
        ) from None


def _new_folder(root: Path, run_id: str | None) -> Path:
    """An empty folder that nobody else has; ``mkdir`` decides between two who want it."""
    for _ in range(_TRIES):
        directory = root / (run_id or _fresh_id())
        try:
            directory.mkdir(mode=PRIVATE_FOLDER)
        except FileExistsError:
            if run_id is not None:
                break
            continue
        return directory
    raise OutputError(
        "trace_exists",
        f"there is a run {run_id or 'of every name tried'} in {root}",
        hint="choose another run id; a trace is never overwritten",
    )


def _fresh_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
