"""A budget for what is loaded: the least recently used goes first, what is in use stays.

Generic on purpose: the embedded networks and any larger model that comes later share one budget.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from cxr_agent.errors import UsageError

VARIABLE: Final = "CXR_AGENT_MEMORY_MIB"

T = TypeVar("T")


@dataclass(slots=True)
class _Entry:
    mib: int
    users: int = 0
    ready: bool = False
    loaded: Any = None


class MemoryBudget:
    """Loads each key once and keeps it while it fits; safe to share between threads.

    Parameters
    ----------
    limit_mib
        MiB for all that is loaded together; None sets no limit.
    over_budget
        Told the key and its MiB whenever something is loaded beyond the limit.
    """

    def __init__(
        self,
        limit_mib: int | None = None,
        over_budget: Callable[[str, int], None] = lambda key, mib: None,
    ) -> None:
        self.limit_mib = limit_mib
        self._over_budget = over_budget
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # least recently used first
        self._changed = threading.Condition()
        self._mine = threading.local()

    @property
    def loaded(self) -> tuple[str, ...]:
        """Keys of what is loaded, least recently used first."""
        with self._changed:
            return tuple(key for key, entry in self._entries.items() if entry.ready)

    @property
    def holding(self) -> bool:
        """Whether this thread holds something at present: others may wait for it to end."""
        return self._held_here() > 0

    @contextmanager
    def held(self, key: str, load: Callable[[], T], mib: int) -> Iterator[T]:
        """What ``load`` gave for ``key``, loaded if need be; it stays loaded inside the block.

        Where the limit leaves no room, what nobody uses makes place, least recently used first.
        What is in use is waited for. Something larger than the limit is loaded alone. A thread
        that holds something already never waits, because it may be what others wait for; it
        loads beyond the limit instead.

        Parameters
        ----------
        key
            Names what is loaded; callers at the same time share one load.
        load
            May raise: then nothing is kept, and the next caller tries again.
        mib
            What it will take, in MiB.
        """
        entry = self._take(key, load, mib)
        self._mine.count = self._held_here() + 1
        try:
            yield entry.loaded
        finally:
            self._mine.count -= 1
            with self._changed:
                entry.users -= 1
                self._changed.notify_all()

    def _take(self, key: str, load: Callable[[], T], mib: int) -> _Entry:
        with self._changed:
            while True:
                entry = self._entries.get(key)
                if entry is not None and entry.ready:
                    entry.users += 1
                    self._entries.move_to_end(key)
                    return entry
                if entry is None and (self._make_room(mib) or self._held_here()):
                    break
                self._changed.wait()
            entry = self._entries[key] = _Entry(mib, users=1)
            over = self.limit_mib is not None and self._taken() > self.limit_mib
        try:
            entry.loaded = load()
        except BaseException:
            with self._changed:
                del self._entries[key]
                self._changed.notify_all()
            raise
        with self._changed:
            entry.ready = True
            self._changed.notify_all()
        if over:
            self._over_budget(key, mib)
        return entry

    def _make_room(self, mib: int) -> bool:
        """Drop what is idle until ``mib`` more fit; False where what is in use is in the way."""
        if self.limit_mib is None:
            return True
        in_use = sum(entry.mib for entry in self._entries.values() if entry.users)
        if in_use and in_use + mib > self.limit_mib:
            return False
        for key in [key for key, entry in self._entries.items() if not entry.users]:
            if self._taken() + mib <= self.limit_mib:
                break
            del self._entries[key]
        return True

    def _taken(self) -> int:
        return sum(entry.mib for entry in self._entries.values())

    def _held_here(self) -> int:
        return int(getattr(self._mine, "count", 0))


def limit_mib(asked: int | None, default: int | None) -> int | None:
    """The limit that was asked for, else that of ``CXR_AGENT_MEMORY_MIB``, else the default.

    Raises
    ------
    UsageError
        ``bad_memory`` when it is no whole number above zero.
    """
    text = str(asked) if asked is not None else os.environ.get(VARIABLE, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise UsageError(
            "bad_memory",
            f"{text!r} is no memory limit",
            hint=f"Give whole MiB above 0, as in {VARIABLE}=4096, or leave it out.",
        )
    return int(text)
