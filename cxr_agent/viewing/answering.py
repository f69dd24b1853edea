"""What every page's server has in common: who is answered, how, and how long one waits for whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socket import SHUT_RDWR, SHUT_WR
from typing import Any, BinaryIO, Final
from urllib.parse import parse_qsl, urlsplit

from cxr_agent.errors import CxrAgentError, OutputError, TraceError, UsageError
from cxr_agent.viewing.guard import Guard

_HEAD_S: Final = 10.0
"""Seconds within which a request's head has to be whole."""
_BODY_S: Final = 10.0
_SLOWEST: Final = 64 * 1024
"""Bytes a second that a body has to come with, beyond the first seconds."""
_PIECE: Final = 64 * 1024
_LEAVING_S: Final = 1.0
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    # The pages state theirs by themselves; this holds for everything else, and for framing.
    "Content-Security-Policy": "frame-ancestors 'none'; object-src 'none'",
}


class Refused(Exception):  # noqa: N818 - it answers a request, and is no fault
    """A request that is answered with one line.

    Parameters
    ----------
    hint
        What to do next; may be empty.
    wait_s
        Seconds after which it may be tried again, where that is why.
    """

    def __init__(
        self, status: HTTPStatus, code: str, message: str, *, hint: str = "", wait_s: int = 0
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.hint, self.wait_s = hint, wait_s


class Answering(BaseHTTPRequestHandler):
    """Answers one request; what a request may do at most is decided before anything is read."""

    protocol_version = "HTTP/1.1"
    server_version = "cxr-agent"
    sys_version = ""
    timeout = 30
    head_s = _HEAD_S
    body_s = _BODY_S
    headers_of_all: Mapping[str, str] = HEADERS

    @property
    def front(self) -> Guard:
        """Who knows by which names this server is called."""
        raise NotImplementedError

    def on_get(self, path: str, fields: dict[str, str]) -> None:
        """Answer for a path and the fields of its address; what is raised becomes one line."""
        raise NotImplementedError

    def on_post(self, path: str, fields: dict[str, str]) -> None:
        """As :meth:`on_get`; the body is read by :meth:`take`."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self._answer(self.on_get)

    def do_POST(self) -> None:
        self._answer(self.on_post)

    def handle_one_request(self) -> None:
        # The timeout of the socket is one of a single read: a head may drip in for ever.
        self._clock = threading.Timer(self.head_s, self._hang_up)
        self._clock.daemon = True
        self._clock.start()
        try:
            super().handle_one_request()
        finally:
            self._clock.cancel()

    def parse_request(self) -> bool:
        whole = super().parse_request()
        self._clock.cancel()
        return whole

    def _hang_up(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: an address may hold the token."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses by itself, in the form of our own refusals."""
        self.close_connection = True
        self.send(HTTPStatus(code), "text/plain", f"bad_request: {HTTPStatus(code).phrase}\n")

    def _answer(self, work: Callable[[str, dict[str, str]], None]) -> None:
        # One answer a connection: a body that is not read must not become the next request.
        self.close_connection = True
        try:
            address = urlsplit(self.path)
            fields = dict(parse_qsl(address.query, max_num_fields=16))
            if not self.front.is_ours(self.headers):
                raise Refused(HTTPStatus.FORBIDDEN, "foreign", "this server answers itself alone")
            work(address.path, fields)
        except Refused as refused:
            self.refuse(refused)
            self._let_out()
        except (ConnectionError, TimeoutError):
            return
        except CxrAgentError as error:
            self.refuse(refusal_of(error))
        except ValueError:
            self.refuse(Refused(HTTPStatus.BAD_REQUEST, "bad_request", "this cannot be read"))
        except Exception as error:  # its text may quote a file
            name = type(error).__name__
            self.refuse(Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", name))

    def length(self, kind: str, most: int) -> int:
        """Bytes of a body of this type that may come; raises Refused before any of it is read."""
        if self.headers.get("Content-Type", "").partition(";")[0].strip() != kind:
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "bad_type", f"send {kind}")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "no_length", "the length is missing")
        if len(length) > 12 or int(length) > most:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too_large",
                "this is too long",
                hint=f"at most {most // 2**20} MB" if most >= 2**20 else f"at most {most} bytes",
            )
        return int(length)

    def take(self, length: int, into: BinaryIO) -> None:
        """Read a body of ``length`` bytes; raises Refused where it comes too slowly or ends."""
        until = time.monotonic() + self.body_s + length / _SLOWEST
        while length:
            left = until - time.monotonic()
            if left <= 0:
                raise _too_slow()
            self.connection.settimeout(left)
            try:
                piece = self.rfile.read1(min(length, _PIECE))
            except TimeoutError:
                raise _too_slow() from None
            if not piece:
                raise ConnectionAbortedError
            into.write(piece)
            length -= len(piece)
        self.connection.settimeout(self.timeout)

    def refuse(self, refused: Refused) -> None:
        """Say in one line why there is no other answer."""
        next_ = f" ({refused.hint})" if refused.hint else ""
        more = {"Retry-After": str(refused.wait_s)} if refused.wait_s else None
        self.send(refused.status, "text/plain", f"{refused.code}: {refused.message}{next_}\n", more)

    def _let_out(self) -> None:
        """Take in a little of what still comes, so that a browser that sends sees the answer."""
        until = time.monotonic() + _LEAVING_S
        with suppress(OSError):
            self.connection.shutdown(SHUT_WR)
            while (left := until - time.monotonic()) > 0:
                self.connection.settimeout(left)
                if not self.connection.recv(_PIECE):
                    return

    def send(
        self,
        status: HTTPStatus,
        kind: str = "text/plain",
        content: str | bytes = "",
        more: Mapping[str, str] | None = None,
    ) -> None:
        """A whole answer."""
        body = content.encode("utf-8", "replace") if isinstance(content, str) else content
        try:
            self.head(status, kind, {**(more or {}), "Content-Length": str(len(body))})
            self.wfile.write(body)
        except (ConnectionError, TimeoutError):
            return

    def head(self, status: HTTPStatus, kind: str, more: Mapping[str, str] | None = None) -> None:
        """The head of an answer."""
        self.send_response(status)
        text = kind.startswith("text/") or kind == "application/json"
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if text else kind)
        self.send_header("Connection", "close")
        for name, value in {**self.headers_of_all, **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()


def stranger() -> Refused:
    """Who has not shown what the printed address gives."""
    return Refused(HTTPStatus.FORBIDDEN, "no_token", "open the address that the program printed")


def nowhere() -> Refused:
    """What is not there, or not for who asks: the two look the same."""
    return Refused(HTTPStatus.NOT_FOUND, "not_found", "there is nothing at this address")


def refusal_of(error: CxrAgentError) -> Refused:
    """One of the program's errors as an answer."""
    return Refused(_status(error), error.code, error.message, hint=error.hint)


def _too_slow() -> Refused:
    return Refused(HTTPStatus.REQUEST_TIMEOUT, "too_slow", "this comes too slowly")


def _status(error: CxrAgentError) -> HTTPStatus:
    match error:
        case UsageError():
            return HTTPStatus.BAD_REQUEST
        case OutputError(code="trace_in_use"):
            return HTTPStatus.CONFLICT
        case TraceError(code="trace_not_found"):
            return HTTPStatus.NOT_FOUND
        case TraceError():
            return HTTPStatus.CONFLICT
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR
