"""The watch: look for studies, read each once, store its results once, over any crash.

What a crash can cost is work, never a result: a reading that was cut off leaves nothing behind and
begins anew under another name; once a run is in the ledger its objects lie on the disk, and storing
them again stores the same objects under the same UIDs.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cxr_agent.errors import (
    CxrAgentError,
    InputCode,
    InputError,
    OutputError,
    RemoteCode,
    RemoteError,
    StoreCode,
)
from cxr_agent.interop.sending import Archive
from cxr_agent.trace.durable import PRIVATE_FOLDER, sync_folder, write_file
from cxr_agent.watching.layout import OBJECTS, object_file, remove_orphans
from cxr_agent.watching.ledger import COMPLAINTS, Due, Ledger, State, Unstored
from cxr_agent.watching.reader import Results, StudyReader
from cxr_agent.watching.sources import Source

_LONGEST_WAIT_S: Final = 300.0
_OF_THE_DISK: Final = frozenset(
    {"disk_full", "trace_not_writable", "output_not_writable", "watch_not_writable"}
)
"""Errors of writing that the next study would meet too."""
_NOT_OF_THE_FILM: Final = frozenset(
    {
        InputCode.FILE_NOT_FOUND,
        InputCode.UNREADABLE_PATH,
        InputCode.DECODE_TIMEOUT,
        InputCode.DECODE_MEMORY,
        InputCode.DECODE_CRASH,
    }
)
"""Refusals that may be the disk's or the machine's affair, so that it is tried again."""
_AWAY: Final = frozenset({StoreCode.UNREACHABLE, StoreCode.NO_ROOM, StoreCode.UNAUTHORISED})
"""Of the archive as a whole: no object is at fault."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How it is done."""

    every_s: float = 10.0
    """Between two looks."""
    settled_s: float = 30.0
    """For which a study must not have changed before it is read."""
    tries: int = 3
    """Of what fails, before it stays so."""
    retry_s: float = 30.0
    """Before the second try; twice as long before each further one."""
    retry_failed: bool = False
    ends: int = 10
    """Times that everything may end in the middle of one study, before it is held to be why."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to tell of; nothing in it identifies anybody."""

    what: str
    """``seen``, ``read``, ``stored``, ``refused``, ``failed``, ``again`` or ``away``."""
    study: int | None = None
    """Its number in the ledger."""
    run: str = ""
    code: str = ""
    count: int = 0
    """Studies seen, or objects stored."""
    seconds: float = 0.0
    """Taken, or before it is tried again."""


@dataclass(slots=True)
class Watch:
    """One watch; see :meth:`run`.

    Parameters
    ----------
    archive
        Where results go; None to leave them in the folder.
    stop
        Set to end it at the next moment that suits.
    """

    ledger: Ledger
    source: Source
    reader: StudyReader
    archive: Archive | None = None
    options: WatchOptions = field(default_factory=WatchOptions)
    told: Callable[[Happening], None] = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)
    _away: int = 0
    """Looks, one after the other, for which the source was away."""
    _store_away: int = 0
    _store_next: float = 0.0

    def run(self, *, once: bool = False) -> None:
        """Watch until :attr:`stop` is set.

        Parameters
        ----------
        once
            Look, wait till studies have settled, look again, read and store; then end.

        Raises
        ------
        OutputError
            When nothing can be written any more. The same command goes on later.
        RemoteError
            With ``once``, when the source is away.
        """
        remove_orphans(self.ledger.folder, self.ledger.runs())
        if self.options.retry_failed:
            self.ledger.retry_failed()
        if once:
            self._look_once()
        while not self.stop.is_set():
            wait_s = self.options.every_s
            if once or self._looked():
                self._read_all()
            else:
                wait_s = self._waited(self._away)
            self._store_all()
            if once:
                return
            self.stop.wait(wait_s)

    # Looking.

    def _look_once(self) -> None:
        self._look()
        if self.options.settled_s and self.ledger.counts()[State.SEEN]:
            self.stop.wait(self.options.settled_s)
            self._look()

    def _looked(self) -> bool:
        try:
            self._look()
        except RemoteError as error:
            self._away += 1
            self.told(Happening("away", code=error.code, seconds=self._waited(self._away)))
            return False
        self._away = 0
        return True

    def _look(self) -> None:
        fresh = self.ledger.see(self.source.look(self.ledger), time.time())
        if fresh:
            self.told(Happening("seen", count=fresh))

    def _waited(self, times: int) -> float:
        return min(self.options.every_s * 2.0 ** min(times, 16), _LONGEST_WAIT_S)

    # Reading.

    def _read_all(self) -> None:
        while not self.stop.is_set():
            due = self.ledger.next_due(time.time(), self.options.settled_s)
            if due is None or not self._read(due):
                return
            self._store_all()

    def _read(self, due: Due) -> bool:
        """Whether the source is there for the next one."""
        if due.begun >= self.options.ends:
            self._failed(due.number, "watch_killed")
            return True
        self.ledger.begin(due.number)
        began, run = time.monotonic(), f"w{due.number:06d}-{secrets.token_hex(6)}"
        try:
            with self.source.films(due.key, self.ledger) as films:
                results = self.reader.read(films, self.ledger.folder, run)
            self._keep(run, results)
        except InputError as error:
            if error.code in _NOT_OF_THE_FILM:
                self._again(due, error.code)
                return True
            self.ledger.refuse(due.number, error.code)
            self.told(Happening("refused", due.number, code=error.code))
        except RemoteError as error:
            if error.code == RemoteCode.UNREACHABLE:
                self.ledger.put_off(due.number, time.time() + self.options.every_s)
                self.told(Happening("away", code=error.code, seconds=self.options.every_s))
                return False
            self._again(due, error.code)
        except Exception as error:
            self._again(due, _code_of(error))
        else:
            self.ledger.read(due.number, run, len(results.objects), results.code)
            seconds = time.monotonic() - began
            self.told(Happening("read", due.number, run, results.code, seconds=seconds))
        return True

    def _keep(self, run: str, results: Results) -> None:
        """Have the objects on the disk before the ledger says so."""
        folder = self.ledger.folder / OBJECTS / run
        try:
            folder.mkdir(mode=PRIVATE_FOLDER, parents=True)
            for number, data in enumerate(results.objects, 1):
                write_file(object_file(self.ledger.folder, run, number), data)
            for one in (folder, folder.parent, self.ledger.folder):
                sync_folder(one)
        except OSError as error:
            raise COMPLAINTS.unwritable(error) from None

    def _again(self, due: Due, code: str) -> None:
        remove_orphans(self.ledger.folder, self.ledger.runs())
        if due.tries + 1 >= self.options.tries:
            self._failed(due.number, code)
            return
        wait_s = self.options.retry_s * 2.0**due.tries
        self.ledger.try_again(due.number, code, time.time() + wait_s)
        self.told(Happening("again", due.number, code=code, seconds=wait_s))

    def _failed(self, number: int, code: str) -> None:
        self.ledger.fail(number, code)
        self.told(Happening("failed", number, code=code))

    # Storing.

    def _store_all(self) -> None:
        if self.archive is None or time.time() < self._store_next:
            return
        for one in self.ledger.unstored(time.time()):
            if self.stop.is_set():
                return
            codes = self._store(self.archive, one) if one.objects else set()
            if not codes:
                state = self.ledger.settle_storing(one.number)
                what = "stored" if state is State.STORED else "failed"
                self.told(Happening(what, one.number, one.run, count=len(one.objects)))
            elif codes & _AWAY:
                self._store_away += 1
                wait_s = self._waited(self._store_away)
                self._store_next = time.time() + wait_s
                self.told(Happening("away", code=min(codes & _AWAY), seconds=wait_s))
                return
            self._store_away = 0

    def _store(self, archive: Archive, one: Unstored) -> set[str]:
        """Codes of the objects that wait on."""
        paths = [object_file(self.ledger.folder, one.run, number) for number in one.objects]
        last = one.tries + 1 >= self.options.tries
        left: set[str] = set()
        for number, code in zip(one.objects, archive.attempt(paths), strict=True):
            if not code or (last and code not in _AWAY):
                self.ledger.settle_object(one.number, number, code)
            else:
                left.add(code)
        if left and not left & _AWAY:
            wait_s = self.options.retry_s * 2.0**one.tries
            self.ledger.try_again(one.number, min(left), time.time() + wait_s)
            self.told(Happening("again", one.number, one.run, min(left), seconds=wait_s))
        return left


def _code_of(error: Exception) -> str:
    """What is recorded of a failure; raises those that the next study would meet too."""
    if isinstance(error, OutputError) and error.code in _OF_THE_DISK:
        raise error
    if os.environ.get("CXR_AGENT_DEBUG"):
        traceback.print_exception(error)
    return error.code if isinstance(error, CxrAgentError) else "internal_error"
