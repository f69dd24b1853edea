"""All sessions of a server: opened with the token, told apart by their cookies, ended in time."""

from __future__ import annotations

import shutil
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from cxr_agent.reading_room.desk import Desk
from cxr_agent.reading_room.limits import Limits
from cxr_agent.reading_room.session import Session
from cxr_agent.reading_room.uploads import Uploads
from cxr_agent.viewing.answering import Refused
from cxr_agent.viewing.guard import Guard

if TYPE_CHECKING:
    from cxr_agent.viewing.guard import Headers

_LATER_S: Final = 60


class Sessions:
    """Those that are open.

    Parameters
    ----------
    front
        The server's own guard: its port and its token.
    """

    def __init__(self, front: Guard, desk: Desk, uploads: Uploads, limits: Limits) -> None:
        self._front = front
        self._desk = desk
        self._uploads = uploads
        self._limits = limits
        self._open: list[Session] = []
        self._lock = threading.Lock()

    def open(self) -> Session:
        """A new one; raises Refused ``too_many_sessions``."""
        self.sweep()
        with self._lock:
            if len(self._open) >= self._limits.sessions:
                raise Refused(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "too_many_sessions",
                    "as many sessions are open as may be",
                    hint="end one of them",
                    wait_s=_LATER_S,
                )
            # Of the port and the token of the server, with secrets of its own.
            guard = Guard(self._front.port, self._front.token)
            session = Session(guard, self._uploads.room(), self._limits)
            self._open.append(session)
            return session

    def of(self, headers: Headers) -> Session | None:
        """Whose cookie the browser shows."""
        with self._lock:
            found = [session for session in self._open if session.guard.knows(headers)]
        if not found:
            return None
        found[0].seen = time.monotonic()
        return found[0]

    def end(self, session: Session) -> None:
        """End a session: its films are removed, the runs of its studies finished."""
        with self._lock:
            if session not in self._open:
                return
            self._open.remove(session)
        self._desk.close(*session.end())
        shutil.rmtree(session.room, ignore_errors=True)

    def sweep(self) -> None:
        """End those that nobody used for long."""
        oldest = time.monotonic() - self._limits.idle_s
        with self._lock:
            idle = [session for session in self._open if session.seen < oldest]
        for session in idle:
            self.end(session)

    def close(self) -> None:
        """End all."""
        with self._lock:
            left = list(self._open)
        for session in left:
            self.end(session)
