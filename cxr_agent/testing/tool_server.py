"""A server of tools for those that ask to be run behind an address; the reference for others.

    with ToolServer([spec_of(my_tool)], token="secret") as server:
        server.url("my_tool")

It binds to loopback, runs one call at a time for each connection, and keeps nothing.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.isolation.endpoint import MEDIA_TYPE
from cxr_agent.toolbox.isolation.message import (
    MAX_CALL_BYTES,
    PREFIX,
    BadMessage,
    Part,
    read_head,
    read_prefix,
)
from cxr_agent.toolbox.isolation.serving import reply_to


class ToolServer:
    """Serves ``POST /NAME`` on 127.0.0.1 until it is closed.

    Parameters
    ----------
    specs
        The tools.
    token
        What a caller must bring; nothing where it is empty.
    instead
        Answers in place of the tools with the connection, for tests of who calls.
    """

    def __init__(
        self,
        specs: Iterable[ToolSpec] = (),
        *,
        token: str = "",
        instead: Callable[[BaseHTTPRequestHandler], None] | None = None,
    ) -> None:
        self.specs = {spec.name: spec for spec in specs}
        self.token = token
        self.instead = instead
        self.calls = 0
        """Requests that came."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="tools", daemon=True
        )
        self._thread.start()

    def url(self, name: str) -> str:
        """Where a tool is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.calls += 1
                if server.instead is not None:
                    server.instead(self)
                else:
                    server.serve(self)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: a request is nobody else's business."""

        return Handler

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request, read to its end: who is cut off while it sends hears no refusal."""
        data = io.BytesIO(request.rfile.read(_length(request)))
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return request.send_error(401)
        spec = self.specs.get(request.path.lstrip("/"))
        if spec is None:
            return request.send_error(404)
        try:
            text, length = read_prefix(data.read(PREFIX.size), MAX_CALL_BYTES)
            head, body = read_head(data.read(text)), data.read(length)
        except BadMessage:
            return request.send_error(400)
        return send(request, reply_to(spec, head, memoryview(body)).parts)


def _length(request: BaseHTTPRequestHandler) -> int:
    told = request.headers.get("Content-Length", "0")
    return min(int(told), MAX_CALL_BYTES) if told.isdecimal() else 0


def send(request: BaseHTTPRequestHandler, parts: list[Part]) -> None:
    """Answer a request with a message."""
    request.send_response(200)
    request.send_header("Content-Type", MEDIA_TYPE)
    request.send_header("Content-Length", str(sum(map(len, parts))))
    request.end_headers()
    for part in parts:
        request.wfile.write(part)
