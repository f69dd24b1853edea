"""A tool behind an address: the call is posted, and as much of the answer read as was agreed.

No redirect is followed and no proxy of the environment used: the film goes to the address that the
user allowed, or nowhere.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from cxr_agent.errors import ToolError
from cxr_agent.toolbox.isolation.message import PREFIX, BadMessage, Part, read_head, read_prefix
from cxr_agent.toolbox.isolation.places import Endpoint

REMOTE_VARIABLE: Final = "CXR_AGENT_REMOTE_TOOLS"
MEDIA_TYPE: Final = "application/vnd.cxr-agent.tool"
_OK: Final = 200


def remote_allowed() -> bool:
    """Whether the environment says that films may be sent to tools behind an address."""
    return os.environ.get(REMOTE_VARIABLE) == "1"


def post(
    name: str, place: Endpoint, parts: Sequence[Part], seconds: float, most: int
) -> tuple[dict[str, Any], memoryview]:
    """Send a call and read the reply: its head and its planes.

    Parameters
    ----------
    name
        The tool, for messages.
    seconds
        After which the connection is closed, whatever it does.
    most
        Bytes that the planes may take.

    Raises
    ------
    ToolError
        ``remote_unreachable``, ``remote_refused``, ``tool_timeout``.
    BadMessage
        When what came is no message.
    """
    line = _Line(_connection(place, seconds))
    timer = threading.Timer(seconds, line.cut)
    timer.daemon = True
    timer.start()
    try:
        return _exchange(name, line, place, parts, most)
    except (OSError, HTTPException, BadMessage) as error:
        if line.was_cut or isinstance(error, TimeoutError):
            raise ToolError("tool_timeout", f"{name} did not answer in {seconds:g} s") from None
        if isinstance(error, BadMessage):
            raise
        raise ToolError("remote_unreachable", f"the server of {name} cannot be reached") from None
    finally:
        timer.cancel()
        line.connection.close()


class _Line:
    """A connection that another thread can cut: a timeout of a socket is for one read alone."""

    def __init__(self, connection: HTTPConnection) -> None:
        self.connection = connection
        self.was_cut = False
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Connect."""
        self.connection.connect()
        self._socket = self.connection.sock  # the connection forgets it before the body is read

    def cut(self) -> None:
        """Wake whoever waits for it."""
        self.was_cut = True
        with suppress(OSError, AttributeError):
            (self._socket or self.connection.sock).shutdown(socket.SHUT_RDWR)


def _connection(place: Endpoint, seconds: float) -> HTTPConnection:
    parts = urlsplit(place.url)
    assert parts.hostname is not None
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return HTTPSConnection(parts.hostname, parts.port, timeout=seconds, context=context)
    return HTTPConnection(parts.hostname, parts.port, timeout=seconds)


def _exchange(
    name: str, line: _Line, place: Endpoint, parts: Sequence[Part], most: int
) -> tuple[dict[str, Any], memoryview]:
    address = urlsplit(place.url)
    path = urlunsplit(("", "", address.path or "/", address.query, ""))
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(sum(map(len, parts))),
        "Accept": MEDIA_TYPE,
        "User-Agent": "cxr-agent",
        **_login(name, place),
    }
    line.open()
    with suppress(BrokenPipeError, ConnectionResetError):  # it may refuse before it has all
        line.connection.request("POST", path, iter(parts), headers)
    with line.connection.getresponse() as response:
        if response.status != _OK:
            raise ToolError(
                "remote_refused", f"the server of {name} answered with status {response.status}"
            )
        text, body = read_prefix(_take(response, PREFIX.size), most)
        head = read_head(_take(response, text))
        planes = memoryview(_take(response, body))
        if response.read(1):
            raise BadMessage("more than it said")
    return head, planes


def _take(response: HTTPResponse, size: int) -> bytes:
    data = response.read(size) if size else b""
    if len(data) != size:
        raise BadMessage("less than it said")
    return data


def _login(name: str, place: Endpoint) -> dict[str, str]:
    if not place.token_variable:
        return {}
    token = os.environ.get(place.token_variable, "")
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ToolError(
            "remote_refused",
            f"{place.token_variable} holds no token for the server of {name}",
            hint=f"Set {place.token_variable}.",
        )
    return {"Authorization": f"Bearer {token}"}
