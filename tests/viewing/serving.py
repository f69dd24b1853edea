"""A server over a folder of runs, and a client that may say anything to it."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_agent.viewing.server import Server


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    headers: dict[str, str]
    text: str


@contextmanager
def served(traces: Path, **rest: Any) -> Iterator[Server]:
    """The server in a thread; ended at the end."""
    with Server(traces, **rest) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(
    server: Server,
    path: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    known: bool = True,
    **headers: str,
) -> Said:
    """One request; ``known`` shows the cookie. Underscores in names of headers become dashes."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if known:
        sent.setdefault("Cookie", server.guard.cookie.partition(";")[0])
    connection = http.client.HTTPConnection("127.0.0.1", server.guard.port, timeout=20)
    try:
        connection.request(method, path, body=body, headers=sent)
        answer = connection.getresponse()
        return Said(answer.status, dict(answer.getheaders()), answer.read().decode())
    finally:
        connection.close()


def from_page(server: Server) -> dict[str, str]:
    """Headers that a page of the server sends with a correction."""
    return {
        "Origin": f"http://127.0.0.1:{server.guard.port}",
        "Content_Type": "application/json",
        "X_Cxr_Page": server.guard.page,
    }
