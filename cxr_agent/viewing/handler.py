"""What the server answers to one request."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl, urlsplit

from cxr_agent.errors import CxrAgentError, OutputError, TraceError, UsageError
from cxr_agent.trace import RunFinished, read_artifact, salvage_trace
from cxr_agent.viewing.correcting import findings, word_of
from cxr_agent.viewing.gathering import Gathering
from cxr_agent.viewing.index import index_page
from cxr_agent.viewing.listing import Wanted
from cxr_agent.viewing.page import run_page, verification_of
from cxr_agent.viewing.tail import Tail

if TYPE_CHECKING:
    from cxr_agent.viewing.server import Server

_MOST_BODY: Final = 16 * 1024
_POLL_S: Final = 0.2
_HEARTBEAT_S: Final = 5.0
_HEADERS: Final = {
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
    """A request that is answered with one line."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Handler(BaseHTTPRequestHandler):
    """Answers one request; what a request may do at most is decided before anything is read."""

    protocol_version = "HTTP/1.1"
    server_version = "cxr-agent"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: an address may hold the token."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses by itself, in the form of our own refusals."""
        self.close_connection = True
        self._send(HTTPStatus(code), "text/plain", f"bad_request: {HTTPStatus(code).phrase}\n")

    @property
    def _server(self) -> Server:
        return cast("Server", self.server)

    def _answer(self, work: Callable[[str, dict[str, str]], None]) -> None:
        # One answer a connection: a body that is not read must not become the next request.
        self.close_connection = True
        try:
            address = urlsplit(self.path)
            fields = dict(parse_qsl(address.query, max_num_fields=16))
            if not self._server.guard.is_ours(self.headers):
                raise Refused(HTTPStatus.FORBIDDEN, "foreign", "this server answers itself alone")
            work(address.path, fields)
        except Refused as refused:
            self._refuse(refused.status, refused.code, refused.message)
        except (ConnectionError, TimeoutError):
            return
        except CxrAgentError as error:
            self._refuse(_status(error), error.code, error.message)
        except ValueError:
            self._refuse(HTTPStatus.BAD_REQUEST, "bad_request", "this address cannot be read")
        except Exception as error:  # its text may quote a file
            name = type(error).__name__
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", name)

    def _get(self, path: str, fields: dict[str, str]) -> None:
        guard = self._server.guard
        if path == "/" and "token" in fields:
            if not guard.is_first_visit(fields["token"]):
                raise _stranger()
            self._send(HTTPStatus.SEE_OTHER, more={"Set-Cookie": guard.cookie, "Location": "/"})
            return
        if not guard.knows(self.headers):
            raise _stranger()
        match path.split("/"):
            case ["", ""]:
                rows = self._server.listing.rows()
                self._send(HTTPStatus.OK, "text/html", index_page(rows, Wanted.asked(fields)))
            case ["", "run", name]:
                self._send(HTTPStatus.OK, "text/html", self._run_page(name))
            case ["", "run", name, "events"]:
                self._stream(self._find(name), fields)
            case _:
                raise _nowhere()

    def _post(self, path: str, _: dict[str, str]) -> None:
        guard = self._server.guard
        if not guard.knows(self.headers) or not guard.may_write(self.headers):
            raise _stranger()
        match path.split("/"):
            case ["", "run", name, "corrections"]:
                word = word_of(self._body())
                done = self._server.desk.correct(self._find(name), word)
                said = {"withdrawn": done.withdrawn, "added": [item.id for item in done.added]}
                self._send(HTTPStatus.OK, "application/json", json.dumps(said))
            case _:
                raise _nowhere()

    def _find(self, name: str) -> Path:
        found = self._server.listing.find(name)
        if found is None:
            raise _nowhere()
        return found

    def _run_page(self, name: str) -> str:
        trace, problems = salvage_trace(self._find(name))
        live = {
            "events": f"/run/{name}/events",
            "corrections": f"/run/{name}/corrections",
            "page": self._server.guard.page,
            "findings": findings(),
        }
        return run_page(trace, problems, live)

    def _body(self) -> bytes:
        if self.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "bad_type", "send JSON")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "no_length", "the length is missing")
        if len(length) > 9 or int(length) > _MOST_BODY:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "this is too long")
        return self.rfile.read(int(length))

    def _stream(self, directory: Path, fields: dict[str, str]) -> None:
        """Lines of a run as they are acknowledged, as server-sent events, until one side ends."""
        # A browser that comes back tells how far it got.
        given = self.headers.get("Last-Event-ID") or fields.get("after", "0")
        if not (given.isascii() and given.isdigit() and len(given) < 10):
            raise Refused(HTTPStatus.BAD_REQUEST, "bad_request", "after is a number of lines")
        if not self._server.streams.acquire(blocking=False):
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "too many pages are open")
        try:
            self._head(HTTPStatus.OK, "text/event-stream")
            self._follow(directory, int(given))
        finally:
            self._server.streams.release()

    def _follow(self, directory: Path, after: int) -> None:
        gathering = Gathering(partial(read_artifact, directory))
        tail = Tail(directory)
        count, heard = 0, 0.0
        while not self._server.closing.wait(_POLL_S if heard else 0):
            lines = tail.further()
            if lines is None:
                self._event("again", count, {})
                return
            known = max(0, min(len(lines), after - count))
            gathering.skip(lines[:known])
            new = lines[known:]
            start, count = count + known, count + len(lines)
            if new:
                data = gathering.take(new, start)
                if any(isinstance(line.event, RunFinished) for line in new):
                    data["verification"] = verification_of(*salvage_trace(directory))
                self._event("lines", count, data)
            elif time.monotonic() - heard > _HEARTBEAT_S:
                self.wfile.write(b": still here\n\n")
            else:
                continue
            heard = time.monotonic()

    def _event(self, kind: str, count: int, data: dict[str, Any]) -> None:
        text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))  # on one line
        self.wfile.write(f"event: {kind}\nid: {count}\ndata: {text}\n\n".encode("ascii"))

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        self._send(status, "text/plain", f"{code}: {message}\n")

    def _send(
        self,
        status: HTTPStatus,
        kind: str = "text/plain",
        text: str = "",
        more: dict[str, str] | None = None,
    ) -> None:
        body = text.encode("utf-8", "replace")
        try:
            self._head(status, kind, {**(more or {}), "Content-Length": str(len(body))})
            self.wfile.write(body)
        except (ConnectionError, TimeoutError):
            return

    def _head(self, status: HTTPStatus, kind: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Connection", "close")
        for name, value in {**_HEADERS, **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()


def _stranger() -> Refused:
    return Refused(HTTPStatus.FORBIDDEN, "no_token", "open the address that the program printed")


def _nowhere() -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, "not_found", "there is nothing at this address")


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
