"""Running the MCP server: over the standard streams, or on this machine's own address."""

from __future__ import annotations

import hmac
import os
import secrets
import socket
from collections.abc import Callable
from typing import Any, Final

import anyio
import uvicorn
from mcp.server.stdio import stdio_server
from starlette.types import ASGIApp, Receive, Scope, Send

from cxr_agent.errors import UsageError
from cxr_agent.serving.desk import Desk
from cxr_agent.serving.mcp_server import mcp_server

TOKEN_VARIABLE: Final = "CXR_AGENT_MCP_TOKEN"  # noqa: S105 - a name
_HOST: Final = "127.0.0.1"
_BYTES: Final = 32
_CLOSING_S: Final = 2


def serve_stdio(desk: Desk) -> None:
    """Serve whoever started this process, until its input ends."""
    server = mcp_server(desk)

    async def serve() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    try:
        anyio.run(serve)
    finally:
        desk.close()


def serve_http(desk: Desk, port: int, announce: Callable[[str, str], None]) -> None:
    """Serve this machine, and only who has the token, until interrupted.

    Parameters
    ----------
    port
        0 for any that is free.
    announce
        Told the address and the token once requests are taken.

    Raises
    ------
    UsageError
        ``port_taken``.
    """
    listening = _bound(port)
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(_BYTES)
    app = mcp_server(desk).streamable_http_app(host=_HOST)
    config = uvicorn.Config(
        _Guarded(app, token),
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=_CLOSING_S,
    )
    announce(f"http://{_HOST}:{listening.getsockname()[1]}/mcp", token)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()
        desk.close()


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
        listening.listen()  # who connects before the server runs waits
    except OSError as error:
        listening.close()
        raise UsageError(
            "port_taken",
            f"port {port} cannot be used: {error.strerror}",
            hint="Give another port, or 0 for any that is free.",
        ) from None
    return listening


class _Guarded:
    """Answers 401 to every request without the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._wanted = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._knows(scope["headers"]):
            await send({"type": "http.response.start", "status": 401, "headers": _CHALLENGE})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, send)

    def _knows(self, headers: Any) -> bool:
        given = next((value for name, value in headers if name == b"authorization"), b"")
        return hmac.compare_digest(given, self._wanted)


_CHALLENGE: Final = [(b"www-authenticate", b"Bearer"), (b"content-length", b"0")]
