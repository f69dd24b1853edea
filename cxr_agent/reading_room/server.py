"""The page's server, on this machine's own address."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from cxr_agent.errors import UsageError
from cxr_agent.reading import Agent
from cxr_agent.reading_room.desk import Desk
from cxr_agent.reading_room.handler import Handler
from cxr_agent.reading_room.limits import Bucket, Buckets, Limits
from cxr_agent.reading_room.sessions import Sessions
from cxr_agent.reading_room.uploads import Uploads
from cxr_agent.viewing.guard import HOST, Guard

TOKEN_VARIABLE: Final = "CXR_AGENT_SERVE_TOKEN"  # noqa: S105 - a name
_SHORTEST_TOKEN: Final = 16
_SWEEP_S: Final = 60.0


class Server(ThreadingHTTPServer):
    """Serves the page until it is closed.

    Parameters
    ----------
    agent
        Who reads; closed by whoever opened it.
    port
        0 for any that is free.
    token
        In place of a random one.

    Raises
    ------
    UsageError
        ``port_taken``, ``weak_token``.
    OutputError
        ``state_not_writable``.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, agent: Agent, port: int = 0, *, token: str | None = None, limits: Limits | None = None
    ) -> None:
        limits = limits or Limits()
        if token is not None and not (len(token) >= _SHORTEST_TOKEN and _is_plain(token)):
            raise UsageError(
                "weak_token",
                f"a token has at least {_SHORTEST_TOKEN} letters, digits, dashes and underscores",
                hint=f"Unset {TOKEN_VARIABLE}: then the program makes one.",
            )
        super().__init__((HOST, port), Handler, bind_and_activate=False)
        try:
            self.server_bind()
            self.server_activate()
        except OSError as error:
            self.socket.close()
            raise UsageError(
                "port_taken",
                f"port {port} cannot be used: {error.strerror}",
                hint="Give another --port, or none for any that is free.",
            ) from None
        number = self.server_address[1]
        self.guard = Guard(number, token) if token is not None else Guard(number)
        try:
            self._uploads = Uploads()
        except BaseException:
            self.socket.close()
            raise
        self.closing = threading.Event()
        """Set when streams are to end."""
        self.visits = Bucket(limits.visits)
        self.buckets = Buckets(limits, limits.all_sessions)
        """Of all sessions together."""
        self.desk = Desk(agent, limits)
        self.sessions = Sessions(self.guard, self.desk, self._uploads, limits)
        self._connections = threading.BoundedSemaphore(limits.connections)
        self._swept = time.monotonic()

    @property
    def uploads(self) -> Path:
        """Where films lie until they are decoded."""
        return self._uploads.folder

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._connections.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._connections.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def service_actions(self) -> None:
        if time.monotonic() - self._swept > _SWEEP_S:
            self._swept = time.monotonic()
            # It may wait for a reading: those who ask meanwhile must not.
            threading.Thread(target=self.sessions.sweep, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no news."""

    def server_close(self) -> None:
        self.closing.set()
        super().server_close()
        with suppress(OSError):
            self.sessions.close()
        self.desk.end()
        self._uploads.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.server_close()


def token_given() -> str | None:
    """The token that the environment sets, if any; taken out of it, so that no tool sees it."""
    return os.environ.pop(TOKEN_VARIABLE, None) or None


def _is_plain(token: str) -> bool:
    return token.isascii() and token.replace("-", "").replace("_", "").isalnum()
