"""A folder of runs on this machine's own address: the list, each run's page, and corrections."""

from __future__ import annotations

import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from cxr_agent.errors import TraceError, UsageError
from cxr_agent.planning.privacy import Privacy
from cxr_agent.viewing.correcting import Desk
from cxr_agent.viewing.guard import HOST, Guard
from cxr_agent.viewing.handler import Handler
from cxr_agent.viewing.listing import Listing

_STREAMS: Final = 32


class Server(ThreadingHTTPServer):
    """Serves one folder until it is closed.

    Parameters
    ----------
    traces
        Folder of the runs.
    port
        0 for any that is free.
    config, privacy
        For corrections; see :class:`~cxr_agent.viewing.correcting.Desk`.

    Raises
    ------
    TraceError
        ``trace_not_found`` when there is no such folder.
    UsageError
        ``port_taken``; and as :class:`~cxr_agent.reading.Agent`.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self,
        traces: Path,
        port: int = 0,
        *,
        config: Path | None = None,
        privacy: Privacy | str = Privacy.MASKED,
    ) -> None:
        if not traces.is_dir():
            raise TraceError("trace_not_found", f"there is no folder {traces}")
        self.listing = Listing(traces)
        self.desk = Desk(traces, config, privacy)
        self.closing = threading.Event()
        """Set when streams are to end."""
        self.streams = threading.BoundedSemaphore(_STREAMS)
        try:
            super().__init__((HOST, port), Handler)
        except OSError as error:
            self.desk.close()
            raise UsageError(
                "port_taken",
                f"port {port} cannot be used: {error.strerror}",
                hint="Give another --port, or none for any that is free.",
            ) from None
        self.guard = Guard(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no news."""

    def server_close(self) -> None:
        self.closing.set()
        super().server_close()
        self.desk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.server_close()
