"""Decoding in a process of its own, which is limited, watched and replaced when it fails."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TypeVar

import numpy as np

from cxr_agent.errors import InputCode, InputError
from cxr_agent.imaging.bare_process import bare_command, bare_environment
from cxr_agent.imaging.dicom_directory import DirectoryFile
from cxr_agent.imaging.film import DecodedFilm
from cxr_agent.imaging.heading import Heading
from cxr_agent.imaging.limits import WORKER_EXTRA_BYTES, WORKER_FILE_S, WORKER_START_S
from cxr_agent.imaging.patient_key import PatientKey
from cxr_agent.imaging.refusal import refusal
from cxr_agent.imaging.wire import (
    ANSWER,
    MAX_DIRECTORY_BYTES,
    MAX_JSON_BYTES,
    MAX_PATH_BYTES,
    READY,
    REQUEST,
    Ask,
    read_directory,
    read_film,
    read_header,
    read_heading,
    read_patient,
    read_refusal,
)

FilmPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_Answer = TypeVar("_Answer")

_PIPE_BYTES: Final = 1 << 20
_F_SETPIPE_SZ: Final = 1031
"""Linux only; the default of 64 KiB costs a switch between processes for each piece."""


class Decoder:
    """Decodes films in one worker process, which is started at need and kept warm.

    Safe to use from several threads, one film at a time. A worker that crashes, hangs or runs
    out of memory costs its film only: the next call gets a new one.

    Parameters
    ----------
    file_s
        Seconds that one film may take.
    start_s
        Seconds that the worker may take to start.
    extra_bytes
        Memory that one film may take.

    Examples
    --------
    >>> with Decoder() as decoder:  # doctest: +SKIP
    ...     film = decoder.decode("chest.dcm")
    """

    def __init__(
        self,
        *,
        file_s: float = WORKER_FILE_S,
        start_s: float = WORKER_START_S,
        extra_bytes: int = WORKER_EXTRA_BYTES,
    ) -> None:
        self.file_s = file_s
        self.start_s = start_s
        self.extra_bytes = extra_bytes
        self._lock = threading.Lock()
        self._worker: _Worker | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker. The next :meth:`decode` would start another."""
        with self._lock:
            self._discard()

    def decode(self, path: FilmPath) -> DecodedFilm:
        """Read one film.

        Raises
        ------
        InputError
            With an :class:`~cxr_agent.errors.InputCode`; ``decode_timeout``,
            ``decode_memory`` and ``decode_crash`` when the worker had to be replaced.
        UnsuitableFilm
            With an :class:`~cxr_agent.errors.UnsuitableCode`.
        """
        return self._asked(path, _Worker.decode)

    def patient_of(self, path: FilmPath) -> PatientKey:
        """By what an archive knows the patient of a film; raises as :meth:`decode`.

        For the server that the user named, and nobody else.
        """
        return self._asked(path, _Worker.patient_of)

    def heading_of(self, path: FilmPath) -> Heading:
        """What the header says of a film, quickly; raises as :meth:`decode`."""
        return self._asked(path, _Worker.heading_of)

    def directory_of(self, path: FilmPath) -> tuple[DirectoryFile, ...]:
        """The images that a DICOM directory lists.

        Raises
        ------
        InputError
            With an :class:`~cxr_agent.errors.InputCode`.
        """
        return self._asked(path, _Worker.directory_of)

    def _asked(
        self, path: FilmPath, question: Callable[[_Worker, bytes, float], _Answer]
    ) -> _Answer:
        name = os.fsencode(path)
        if b"\0" in name or len(name) > MAX_PATH_BYTES // 2:
            raise refusal(InputCode.UNREADABLE_PATH)
        # Not normalised: "link/.." need not be the folder that holds the link.
        absolute = os.path.join(os.getcwdb(), name)  # noqa: PTH109, PTH118 (bytes)
        with self._lock:
            worker = self._ready_worker()
            try:
                return question(worker, absolute, self.file_s)
            except BaseException:
                if not worker.reusable:
                    self._discard()
                raise

    @property
    def worker_pid(self) -> int | None:
        """Process number of the worker, if one is running."""
        worker = self._worker
        return worker.process.pid if worker is not None and worker.alive else None

    def _ready_worker(self) -> _Worker:
        if self._worker is not None and not self._worker.alive:
            self._discard()
        if self._worker is None:
            self._worker = _Worker(self.start_s, self.file_s, self.extra_bytes)
        return self._worker

    def _discard(self) -> None:
        if self._worker is not None:
            self._worker.end()
            self._worker = None


class _Worker:
    """One process and its two pipes."""

    def __init__(self, start_s: float, file_s: float, extra_bytes: int) -> None:
        self.owner = os.getpid()
        self.reusable = False
        self.process = subprocess.Popen(
            [*bare_command("cxr_agent.imaging.worker"), str(file_s), str(extra_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=bare_environment(),
            start_new_session=True,  # Ctrl-C is for the program, which then ends the worker
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.requests, self.answers = self.process.stdin, self.process.stdout
        self.end = weakref.finalize(self, _end, self.process, self.owner)
        os.set_blocking(self.requests.fileno(), False)
        os.set_blocking(self.answers.fileno(), False)
        _widen(self.answers.fileno())
        try:
            hello = bytearray(len(READY))
            self._read(memoryview(hello), time.monotonic() + start_s)
            if hello != READY:
                raise refusal(InputCode.DECODE_CRASH)
        except BaseException:
            self.end()
            raise
        self.reusable = True

    @property
    def alive(self) -> bool:
        """Whether this worker can be asked; after a fork it belongs to the parent process."""
        return self.reusable and self.owner == os.getpid() and self.process.poll() is None

    def decode(self, path: bytes, seconds: float) -> DecodedFilm:
        deadline = time.monotonic() + seconds
        text, rows, columns = self._ask(Ask.FILM, path, deadline)
        if not rows:
            raise self._refused(read_refusal(text))
        pixels = np.empty((rows, columns), dtype="<f4")
        self._read(pixels.data.cast("B"), deadline)
        film = read_film(text, pixels)
        pixels.setflags(write=False)
        self.reusable = True
        return film

    def patient_of(self, path: bytes, seconds: float) -> PatientKey:
        return self._facts(Ask.PATIENT, path, seconds, read_patient)

    def heading_of(self, path: bytes, seconds: float) -> Heading:
        return self._facts(Ask.HEADING, path, seconds, read_heading)

    def directory_of(self, path: bytes, seconds: float) -> tuple[DirectoryFile, ...]:
        return self._facts(Ask.DIRECTORY, path, seconds, read_directory, most=MAX_DIRECTORY_BYTES)

    def _facts(
        self,
        wanted: Ask,
        path: bytes,
        seconds: float,
        reader: Callable[[bytes], _Answer],
        *,
        most: int = MAX_JSON_BYTES,
    ) -> _Answer:
        """An answer without pixels."""
        text, rows, _ = self._ask(wanted, path, time.monotonic() + seconds, most)
        if rows:
            raise refusal(InputCode.DECODE_CRASH)
        try:
            answer = reader(text)
        except InputError as error:
            raise self._refused(error) from None
        self.reusable = True
        return answer

    def _ask(
        self, wanted: Ask, path: bytes, deadline: float, most: int = MAX_JSON_BYTES
    ) -> tuple[bytes, int, int]:
        """JSON object, rows and columns of the answer; the pixels are still to be read."""
        self.reusable = False  # until the whole answer has arrived
        self._write(REQUEST.pack(wanted, len(path)) + path, deadline)
        header = bytearray(ANSWER.size)
        self._read(memoryview(header), deadline)
        length, rows, columns = read_header(bytes(header), most)
        text = bytearray(length)
        self._read(memoryview(text), deadline)
        return bytes(text), rows, columns

    def _refused(self, error: InputError) -> InputError:
        """A whole answer, though not the one that was hoped for."""
        self.reusable = error.code != InputCode.DECODE_MEMORY
        return error

    def _read(self, into: memoryview, deadline: float) -> None:
        """Fill ``into``."""
        descriptor = self.answers.fileno()
        with _watch(descriptor, selectors.EVENT_READ) as selector:
            while into:
                _wait(selector, deadline)
                try:
                    count = os.readv(descriptor, [into])
                except BlockingIOError:
                    continue
                if not count:
                    raise refusal(self._cause_of_death())
                into = into[count:]

    def _write(self, data: bytes, deadline: float) -> None:
        descriptor = self.requests.fileno()
        rest = memoryview(data)
        with _watch(descriptor, selectors.EVENT_WRITE) as selector:
            while rest:
                _wait(selector, deadline)
                try:
                    rest = rest[os.write(descriptor, rest) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError:
                    raise refusal(self._cause_of_death()) from None

    def _cause_of_death(self) -> InputCode:
        try:
            status = self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return InputCode.DECODE_CRASH
        if status == -getattr(signal, "SIGXCPU", 0):
            return InputCode.DECODE_TIMEOUT
        return InputCode.DECODE_CRASH


def _watch(descriptor: int, event: int) -> selectors.BaseSelector:
    selector = selectors.DefaultSelector()
    selector.register(descriptor, event)
    return selector


def _wait(selector: selectors.BaseSelector, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0 or not selector.select(left):
        raise refusal(InputCode.DECODE_TIMEOUT)


def _widen(descriptor: int) -> None:
    try:
        import fcntl

        fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, OSError):
        pass


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """Kill and reap; a process that was forked off with these pipes only closes its copies."""
    if owner == os.getpid():
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    if owner != os.getpid():
        process.returncode = 0  # not our child: nothing to wait for
