"""A server on the loopback that behaves well or badly, as a test asks, and logs what it is asked.

It serves plain files, and the part of the Hugging Face hub's protocol that its client uses.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" * 6 + "c0ff"
_CHUNK = 1 << 14


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    range: str | None
    token: str | None


@dataclass
class Server:
    """What it serves, and how."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    """Content by path."""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Files by name, by ``owner/name``, as the hub has them."""
    gated: bool = False
    """Whether the hub wants a token."""
    statuses: dict[str, int] = field(default_factory=dict)
    """Answers by path instead of content."""
    drops: list[int] = field(default_factory=list)
    """After how many bytes the next answers break off; -1: this one does not."""
    ranges: bool = True
    etags: bool = True
    weak: bool = False
    """Whether its tags promise a like file only."""
    redirects: dict[str, str] = field(default_factory=dict)
    """Where to, by path."""
    shifted: bool = False
    """Whether it sends another part than the one that it is asked for."""
    silent: bool = False
    """Whether it takes connections and says nothing."""
    chunk_pause_s: float = 0.0
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def put(self, path: str, content: bytes) -> str:
        """Serve ``content`` and give its SHA-256."""
        self.files[f"/{path}"] = content
        return hashlib.sha256(content).hexdigest()

    def gets(self) -> list[Asked]:
        return [one for one in self.asked if one.method == "GET"]


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server for the length of a test."""
    state = Server()

    class Handler(_Handler):
        server_state = state

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    state.port = httpd.server_address[1]
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        state.silent = False
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_state: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing on standard error."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        state = self.server_state
        path = unquote(urlsplit(self.path).path)
        headers = self.headers
        state.asked.append(
            Asked(self.command, path, headers.get("Range"), headers.get("Authorization"))
        )
        while state.silent:
            time.sleep(0.02)
        if path in state.redirects:
            self._status(302, {"Location": state.redirects[path]})
        elif path in state.statuses:
            self._status(state.statuses[path])
        elif path in state.files:
            self._file(state.files[path], body=body)
        elif state.repositories:
            self._hub(path, body=body)
        else:
            self._status(404)

    def _hub(self, path: str, *, body: bool) -> None:
        state = self.server_state
        for repository, files in state.repositories.items():
            api, content = f"/api/models/{repository}/", f"/{repository}/resolve/"
            if not path.startswith((api, content)):
                continue
            if state.gated and self.headers.get("Authorization") is None:
                # huggingface.co answers so where consent or a token is missing.
                self._status(401, {"X-Error-Code": "GatedRepo"})
            elif path.startswith(f"{api}revision/"):
                self._json({"id": repository, "sha": COMMIT, "siblings": _siblings(files)})
            elif path.startswith(f"{api}tree/"):
                self._json([_tree_entry(name, data) for name, data in files.items()])
            else:
                name = path.removeprefix(content).partition("/")[2]
                self._file(files[name], body=body, more={"X-Repo-Commit": COMMIT})
            return
        self._status(404, {"X-Error-Code": "RepoNotFound"})

    def _file(self, content: bytes, *, body: bool, more: dict[str, str] | None = None) -> None:
        state = self.server_state
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        start = self._start(etag)
        if start is not None and state.shifted:
            start += 1
        if start is not None and start >= len(content):
            self._status(416, {"Content-Range": f"bytes */{len(content)}"})
            return
        self.send_response(200 if start is None else 206)
        if start is not None:
            last = len(content) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
        if state.etags:
            self.send_header("ETag", f"W/{etag}" if state.weak else etag)
        if state.ranges:
            self.send_header("Accept-Ranges", "bytes")
        for name, value in (more or {}).items():
            self.send_header(name, value)
        rest = content[start or 0 :]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if body:
            self._send(rest)

    def _start(self, etag: str) -> int | None:
        """Where the part that was asked for begins; None for the whole file."""
        wanted = self.headers.get("Range")
        known = self.headers.get("If-Range")
        if wanted is None or not self.server_state.ranges or known not in (None, etag):
            return None
        return int(wanted.removeprefix("bytes=").partition("-")[0])

    def _send(self, content: bytes) -> None:
        state = self.server_state
        limit = state.drops.pop(0) if state.drops else -1
        kept = content if limit < 0 else content[:limit]
        with suppress(ConnectionError):  # whoever asked may be gone: a test kills them
            for at in range(0, len(kept), _CHUNK):
                self.wfile.write(kept[at : at + _CHUNK])
                time.sleep(state.chunk_pause_s)
        if len(kept) < len(content):
            self.close_connection = True

    def _json(self, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _status(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _siblings(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"rfilename": name, "size": len(data), "blobId": "0" * 40} | _large(name, data, "sha256")
        for name, data in files.items()
    ]


def _tree_entry(name: str, data: bytes) -> dict[str, Any]:
    entry = {"type": "file", "path": name, "size": len(data), "oid": "0" * 40}
    return entry | _large(name, data, "oid")


def _large(name: str, data: bytes, key: str) -> dict[str, Any]:
    """What the hub says of a file that it keeps in Git LFS: those of weights."""
    if not name.endswith((".safetensors", ".bin")):
        return {}
    digest = hashlib.sha256(data).hexdigest()
    return {"lfs": {key: digest, "size": len(data), "pointerSize": 134}}
