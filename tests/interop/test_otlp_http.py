"""Spans to a collector: on loopback, and nowhere that was not named."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cxr_agent.errors import OutputError, UsageError
from cxr_agent.interop.otlp_http import ENDPOINT, HEADERS, collector, send


class Collector(HTTPServer):
    """Keeps what it is sent and answers with one status."""

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), data))
        self.send_response(self.server.status)
        if self.server.status == 307:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@contextmanager
def serving(status: int = 200) -> Iterator[Collector]:
    with Collector(status) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_a_request_arrives_with_its_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HEADERS, "x-key=a%20b, other=c,broken")
    with serving() as server:
        send(b"{}", collector(server.url))
        ((path, headers, data),) = server.got
    assert (path, data) == ("/v1/traces", b"{}")
    assert headers["Content-Type"] == "application/json"
    lowered = {name.lower(): value for name, value in headers.items()}
    assert (lowered["x-key"], lowered["other"]) == ("a b", "c")


@pytest.mark.parametrize("status", [307, 401, 404, 500])
def test_a_refusal_is_told_and_no_redirect_followed(status: int) -> None:
    with serving(status) as server:
        with pytest.raises(OutputError) as caught:
            send(b"{}", collector(server.url))
        assert len(server.got) == 1
    assert caught.value.code == "otlp_refused"
    assert str(status) in caught.value.message


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(OutputError) as caught:
        send(b"{}", collector(f"http://127.0.0.1:{port}"))
    assert caught.value.code == "otlp_unreachable"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("http://host:4318", "http://host:4318/v1/traces"),
        ("https://host/base/", "https://host/base/v1/traces"),
        ("https://host/v1/traces", "https://host/v1/traces"),
    ],
)
def test_addresses(address: str, url: str) -> None:
    assert collector(address) == url


@pytest.mark.parametrize(
    "address", ["", "host", "ftp://host", "http://", "http://a:b@host", "http://host:x", "http://["]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        collector(address)
    assert caught.value.code == "bad_endpoint"


def test_the_environment_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    with pytest.raises(UsageError) as caught:
        collector("env")
    assert caught.value.code == "no_endpoint"
    monkeypatch.setenv(ENDPOINT, "http://host:4318")
    assert collector("env") == "http://host:4318/v1/traces"
