"""Studies read by processes of this machine, each with its models loaded once.

The standard pools lose all their work when one process dies, and cannot tell which task it died
of; here a worker that crashes, hangs or takes too much memory costs an attempt at what it was
reading, and nobody else notices.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from cxr_agent.batch.work import Finished, Lost, ReaderSource, Returned, Take, Task, Update
from cxr_agent.batch.worker import Began, Broken, Done, Ready, serve
from cxr_agent.errors import CxrAgentError, ModelError

STUDY_S: Final = 600.0
"""Seconds that a study may take: twice the budget of a reading, then nobody waits any longer."""
WORKER_MIB: Final = 4096
"""Resident memory of a worker above which it is ended; four times what a reading needs."""
_AHEAD: Final = 2
"""Studies that a worker has at hand beside those it reads, so that it never waits: one is decoded,
one is put on the disk."""
_TICK_S: Final = 0.2
_START_S: Final = 120.0
_STARTS: Final = 5
"""Workers in a row that end before they are ready, after which there is no point in another."""
_END_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Begun:
    """Since when a study is decoded, or read."""

    at: float
    reading: bool


@dataclass(slots=True, eq=False)
class _Slot:
    """One worker and what it has."""

    process: BaseProcess
    pipe: Connection
    born: float = field(default_factory=time.monotonic)
    ready: bool = False
    tasks: dict[int, Task] = field(default_factory=dict)
    began: dict[int, _Begun] = field(default_factory=dict)

    @property
    def takes(self) -> bool:
        """Whether it may get another task, beside those that it has."""
        return self.ready and not any(task.alone for task in self.tasks.values())


class LocalPool:
    """Worker processes of this machine; a :class:`~cxr_agent.batch.work.Runner`.

    Parameters
    ----------
    source
        Makes the reader of each worker.
    workers
        Processes.
    lanes
        Studies that one process reads at the same time: more than one where a GPU waits for them.
    study_s
        Seconds that reading a study may take.
    worker_mib
        Resident memory of one worker, in MiB.
    """

    def __init__(
        self,
        source: ReaderSource,
        workers: int,
        *,
        lanes: int = 1,
        study_s: float = STUDY_S,
        worker_mib: int = WORKER_MIB,
    ) -> None:
        self._source = source
        self._workers = workers
        self._lanes = lanes
        self._study_s = study_s
        self._worker_mib = worker_mib
        self._slots: list[_Slot] = []
        self._hand: Task | None = None
        """Taken, and waiting for a worker."""
        self._failed_starts = 0
        self._next_look = 0.0
        self.peak_mib = 0
        """The most resident memory that one worker was seen to take."""

    def record(self) -> dict[str, Any]:
        """What it is, for the manifest."""
        return {
            "kind": "local",
            "workers": self._workers,
            "lanes": self._lanes,
            "study_seconds": self._study_s,
            "worker_mib": self._worker_mib,
            "peak_worker_mib": self.peak_mib,
        }

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the workers that run at present."""
        return tuple(slot.process.pid for slot in self._slots if slot.process.pid is not None)

    def run(self, take: Take) -> Iterator[Update]:
        """As :meth:`cxr_agent.batch.work.Runner.run`. Ending the iteration ends the workers."""
        try:
            while self._hand_out(take) or any(slot.tasks for slot in self._slots):
                heard = set(wait(self._sources(), timeout=_TICK_S))
                for slot in list(self._slots):
                    yield from self._heard(slot, heard)
                yield from self._watched()
            self._dismiss()
        finally:
            self._hand = None
            self._kill_all()

    def _hand_out(self, take: Take) -> bool:
        """Give the workers what they can take; whether a task is left for which none is free."""
        while (task := self._hand or take()) is not None:
            self._hand = task
            while len(self._slots) < self._workers:
                self._start()
            slot = self._slot_for(task)
            if slot is None:
                return True
            self._send(slot, task)
            self._hand = None
        return False

    def _slot_for(self, task: Task) -> _Slot | None:
        """The worker with the least to do that can take a task, if there is one."""
        most = 0 if task.alone else self._lanes + _AHEAD - 1
        fit = [slot for slot in self._slots if slot.takes and len(slot.tasks) <= most]
        return min(fit, key=lambda slot: len(slot.tasks), default=None)

    def _sources(self) -> list[Any]:
        pipes: list[Any] = [slot.pipe for slot in self._slots]
        return pipes + [slot.process.sentinel for slot in self._slots]

    def _start(self) -> None:
        # A new interpreter: a fork copies the locks of a user's threads and no session survives it.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=serve, args=(self._source, theirs, self._lanes), name="cxr-agent-batch"
        )
        process.start()
        theirs.close()
        self._slots.append(_Slot(process, ours))

    def _send(self, slot: _Slot, task: Task) -> None:
        slot.tasks[task.number] = task
        try:
            slot.pipe.send(task)
        except OSError:
            return  # it died; what it had is told when that is noticed

    def _heard(self, slot: _Slot, ready: set[Any]) -> Iterator[Update]:
        if slot.pipe in ready:
            yield from self._messages(slot)
        if slot.process.sentinel in ready and slot in self._slots:
            yield from self._messages(slot)  # it may have spoken before it died
            yield from self._buried(slot)

    def _messages(self, slot: _Slot) -> Iterator[Update]:
        try:
            while slot.pipe.poll():
                match slot.pipe.recv():
                    case Ready():
                        slot.ready = True
                        self._failed_starts = 0
                    case Began(number, reading):
                        slot.began[number] = _Begun(time.monotonic(), reading)
                    case Done(number, result):
                        slot.began.pop(number, None)
                        yield Finished(slot.tasks.pop(number), result)
                    case Broken() as broken:
                        raise broken.error()
        except (EOFError, OSError):
            return  # killed in the middle of a word

    def _buried(self, slot: _Slot) -> Iterator[Update]:
        """A worker ended that was not told to."""
        slot.process.join()
        code = slot.process.exitcode or 0
        name = signal.Signals(-code).name if code < 0 else f"status {code}"
        how = "worker_killed" if code == -signal.SIGKILL else "worker_crashed"
        if not slot.ready:
            self._failed_starts += 1
            if self._failed_starts >= _STARTS:
                raise _no_start(name)
        yield from self._removed(slot, how, f"its worker ended with {name}")

    def _watched(self) -> Iterator[Update]:
        """End workers that take too long or too much; looked at once a tick, whatever is heard."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _TICK_S
        for slot in list(self._slots):
            if not slot.ready and now - slot.born > _START_S:
                self._failed_starts += 1
                if self._failed_starts >= _STARTS:
                    raise _no_start("a timeout")
                yield from self._removed(slot, "worker_crashed", "its worker did not start")
                continue
            late = [n for n, begun in slot.began.items() if now - begun.at > self._limit_s(begun)]
            if late:
                told = f"it took longer than {self._study_s:.0f} s"
                yield from self._removed(slot, "study_timeout", told, only=late)
                continue
            mib = _resident_mib(slot.process.pid)
            self.peak_mib = max(self.peak_mib, mib)
            if mib > self._worker_mib:
                told = f"its worker took more than {self._worker_mib} MiB"
                yield from self._removed(slot, "out_of_memory", told)

    def _limit_s(self, begun: _Begun) -> float:
        """A study that is decoded ahead waits for the one before it."""
        return self._study_s * (1 if begun.reading else 2)

    def _removed(
        self, slot: _Slot, code: str, message: str, only: list[int] | None = None
    ) -> Iterator[Update]:
        """Take a worker out, and tell of what it had.

        Parameters
        ----------
        only
            The studies that are to blame; without it all that it had begun.
        """
        _kill(slot)
        self._slots.remove(slot)
        now = time.monotonic()
        for number, task in slot.tasks.items():
            began = slot.began.get(number)
            if began is None or (only is not None and number not in only):
                yield Returned(task)
            else:
                yield Lost(task, code, message, now - began.at)

    def _dismiss(self) -> None:
        """All is read: let the workers end by themselves."""
        for slot in self._slots:
            try:
                slot.pipe.send(None)
            except OSError:
                continue
        end = time.monotonic() + _END_S
        for slot in self._slots:
            slot.process.join(max(0.0, end - time.monotonic()))

    def _kill_all(self) -> None:
        for slot in self._slots:
            _kill(slot)
        self._slots.clear()


def _kill(slot: _Slot) -> None:
    """End a worker with its decoder, which is of its process group."""
    pid = slot.process.pid
    if pid is not None and slot.process.is_alive():
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            slot.process.kill()  # it has not come as far as having a group of its own
    slot.process.join()
    slot.process.close()
    slot.pipe.close()


def _resident_mib(pid: int | None) -> int:
    """0 where it cannot be told: on systems without /proc nobody is ended for memory."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def _no_start(how: str) -> CxrAgentError:
    return ModelError(
        "workers_do_not_start",
        f"{_STARTS} workers in a row ended before they could read: {how}",
        hint="Read one film with `cxr-agent --debug read FILE` to see why.",
    )
