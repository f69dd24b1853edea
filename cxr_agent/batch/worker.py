"""A worker process: its reader is made once; while one study is read, the next one is decoded and
the one before is put on the disk."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Self, TypeAlias

from cxr_agent.allocator import keep_freed_memory, pass_over_loaded_objects
from cxr_agent.batch.work import Ending, Reader, ReaderSource, StudyResult, Task
from cxr_agent.errors import CxrAgentError


@dataclass(frozen=True, slots=True)
class Ready:
    """The reader is made."""


@dataclass(frozen=True, slots=True)
class Began:
    """From now on the worker may be lost through this study."""

    number: int
    reading: bool
    """Whether it is read; before that it is decoded, and then waits for its turn."""


@dataclass(frozen=True, slots=True)
class Done:
    """A study came back."""

    number: int
    result: StudyResult


@dataclass(frozen=True, slots=True)
class Broken:
    """No reader could be made, for a reason that the next worker would meet too."""

    kind: type[CxrAgentError]
    code: str
    message: str
    hint: str

    @classmethod
    def by(cls, error: CxrAgentError) -> Self:
        """As a message: an exception of the family cannot be pickled."""
        return cls(type(error), error.code, error.message, error.hint)

    def error(self) -> CxrAgentError:
        """What was raised."""
        return self.kind(self.code, self.message, hint=self.hint)


Message: TypeAlias = Ready | Began | Done | Broken
_Say: TypeAlias = Callable[[Message], None]
_Loaded: TypeAlias = "queue.Queue[tuple[Task, Any] | None]"
_Read: TypeAlias = "queue.Queue[tuple[Task, Ending] | None]"


def serve(source: ReaderSource, pipe: Connection, lanes: int) -> None:
    """Read the studies that come through a pipe, until None does; then end.

    Parameters
    ----------
    lanes
        Studies that are read at the same time, by threads; meanwhile one more is decoded, and one
        is put on the disk.
    """
    keep_freed_memory()
    os.setsid()  # so that whoever kills this worker reaches its decoder too
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it decides when it ends
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    say = _sayer(pipe)
    try:
        reader = source()
    except CxrAgentError as error:
        say(Broken.by(error))
        return
    with reader:
        say(Ready())
        _work(reader, pipe, say, lanes)


def _work(reader: Reader, pipe: Connection, say: _Say, lanes: int) -> None:
    loaded: _Loaded = queue.Queue(maxsize=1)
    read: _Read = queue.Queue(maxsize=1)
    threads = [
        threading.Thread(target=_read_all, args=(reader, loaded, read, say), daemon=True)
        for _ in range(lanes)
    ]
    ending = threading.Thread(target=_end_all, args=(read, say), daemon=True)
    for thread in (*threads, ending):
        thread.start()
    while (task := _next(pipe)) is not None:
        say(Began(task.number, reading=False))
        loaded.put((task, reader.load(task)))
    for _ in threads:
        loaded.put(None)
    for thread in threads:
        thread.join()
    read.put(None)
    ending.join()


def _read_all(reader: Reader, loaded: _Loaded, read: _Read, say: _Say) -> None:
    first = True
    while (entry := loaded.get()) is not None:
        task, what = entry
        say(Began(task.number, reading=True))
        result = what if isinstance(what, StudyResult) else reader.read(task, what)
        if isinstance(result, StudyResult):
            say(Done(task.number, result))
        else:
            read.put((task, result))
        if first:
            pass_over_loaded_objects()
            first = False


def _end_all(read: _Read, say: _Say) -> None:
    """A study waits for the disk several times; meanwhile the processor reads another one."""
    while (entry := read.get()) is not None:
        task, ending = entry
        say(Done(task.number, ending()))


def _next(pipe: Connection) -> Task | None:
    try:
        task = pipe.recv()
    except EOFError:
        return None
    assert task is None or isinstance(task, Task)
    return task


def _sayer(pipe: Connection) -> _Say:
    lock = threading.Lock()

    def say(message: Message) -> None:
        with lock:
            pipe.send(message)

    return say


def _end_with_parent() -> None:
    """Whoever started this worker was killed: what it read would be nobody's."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.killpg(0, signal.SIGKILL)
