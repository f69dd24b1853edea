"""A server that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Hostile:
    """Answers by the end of the path: ``studies``, ``metadata``, else an instance; ``store``."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    stored: list[bytes] = field(default_factory=list)
    """What it was sent, whatever it answered."""
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web"

    def lists(self, *uids: str, **more: Any) -> None:
        """Answer a search with studies."""
        self.answers["studies"] = body(
            json.dumps([{**element("0020000D", "UI", uid), **more} for uid in uids]).encode()
        )

    def describes(self, *films: dict[str, Any]) -> None:
        """Answer every request for metadata with these films."""
        self.answers["metadata"] = body(json.dumps(films).encode())

    def gives(self, film: bytes) -> None:
        """Answer every request for an instance with this film."""
        start = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
        self.answers["instance"] = body(
            start + film + b"\r\n--b--\r\n",
            kind='multipart/related; type="application/dicom"; boundary=b',
        )


def element(tag: str, vr: str, *values: Any) -> dict[str, Any]:
    return {tag: {"vr": vr, "Value": list(values)}}


def metadata(patient: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """A frontal chest film of a patient, in the DICOM JSON model."""
    return {
        **element("00080016", "UI", "1.2.840.10008.5.1.4.1.1.1.1"),
        **element("00080018", "UI", f"1.2.3.{number}"),
        **element("0020000E", "UI", "1.2.3"),
        **element("00080060", "CS", "DX"),
        **element("00180015", "CS", "CHEST"),
        **element("00185101", "CS", "PA"),
        **element("00100020", "LO", patient),
        **more,
    }


def body(content: bytes, *, status: int = 200, kind: str = "application/dicom+json") -> Answer:
    """A whole answer."""

    def give(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return give


def status(code: int, **headers: str) -> Answer:
    """A status and nothing else."""

    def give(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return give


def endless(piece: bytes = b"[" * 65536, *, wait_s: float = 0, encoding: str = "") -> Answer:
    """An answer that does not end by itself."""

    def give(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "application/dicom+json")
        if encoding:
            request.send_header("Content-Encoding", encoding)
        request.end_headers()
        over: threading.Event = request.server.over  # type: ignore[attr-defined]
        while not over.wait(wait_s) if wait_s else not over.is_set():
            request.wfile.write(piece)

    return give


def silence(request: BaseHTTPRequestHandler) -> None:
    """No answer at all."""
    request.server.over.wait()  # type: ignore[attr-defined]


@contextmanager
def hostile(tls: ssl.SSLContext | None = None) -> Iterator[Hostile]:
    """Run one on a loopback port."""
    told = Hostile()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.stored.append(self.rfile.read(int(self.headers["Content-Length"])))
            told.headers.append(dict(self.headers))
            with suppress(OSError):
                (told.answers.get("store") or status(404))(self)

        def do_GET(self) -> None:
            told.asked.append(self.path)
            told.headers.append(dict(self.headers))
            name = self.path.partition("?")[0].rpartition("/")[2]
            answer = told.answers.get(name) or told.answers.get("instance") or status(404)
            with suppress(OSError):  # the client had enough
                answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.over = told.over  # type: ignore[attr-defined]
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield told
    finally:
        told.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
