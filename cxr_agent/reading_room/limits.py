"""How much a session may send, hold and ask for, and how fast."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

MB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many in each ``seconds`` on the long run."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server allows."""

    upload_bytes: int = 64 * MB
    """Of one film's file."""
    files: int = 8
    """Films of one study, earlier ones included; also those that wait for their study."""
    session_bytes: int = 1024 * MB
    """Of one session on the disk: films that wait, and traces."""
    studies: int = 64
    """Of one session."""
    open_studies: int = 4
    """Of one session that are kept in memory, to be looked at further."""
    sessions: int = 4
    streams: int = 8
    """Of one session."""
    connections: int = 64
    """Of the server, at once."""
    waiting: int = 4
    """Studies that wait to be read, of all sessions."""
    patience_s: float = 60.0
    """For which a question waits while a study is read."""
    idle_s: float = 2 * 3600.0
    """After which a session that nobody uses ends."""
    uploads: Rate = field(default_factory=lambda: Rate(40, 60))
    readings: Rate = field(default_factory=lambda: Rate(20, 60))
    questions: Rate = field(default_factory=lambda: Rate(30, 60))
    """Questions and corrections."""
    visits: Rate = field(default_factory=lambda: Rate(20, 60))
    """With a token, be it the right one or not; of all who come."""
    all_sessions: int = 3
    """The rates of all sessions together, as a multiple of those of one."""


class Bucket:
    """Counts what was done against a rate; may be used from many threads.

    Parameters
    ----------
    clock
        Seconds that only grow.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._left = float(rate.count)
        self._at = clock()
        self._lock = threading.Lock()

    def take(self) -> int:
        """Count one more; returns 0, or whole seconds after which it may be tried again."""
        with self._lock:
            now = self._clock()
            per_second = self._rate.count / self._rate.seconds
            self._left = min(self._rate.count, self._left + (now - self._at) * per_second)
            self._at = now
            if self._left < 1:
                return max(1, math.ceil((1 - self._left) / per_second))
            self._left -= 1
            return 0


class Buckets:
    """One bucket for each kind of request."""

    def __init__(self, limits: Limits, times: int = 1) -> None:
        kinds = {
            "uploads": limits.uploads,
            "readings": limits.readings,
            "questions": limits.questions,
        }
        self._buckets = {
            kind: Bucket(Rate(rate.count * times, rate.seconds)) for kind, rate in kinds.items()
        }

    def take(self, kind: str) -> int:
        """As :meth:`Bucket.take`."""
        return self._buckets[kind].take()
