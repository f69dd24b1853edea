"""An OpenAI-compatible server on loopback that plays a language model by script.

    with StubServer([Reply.calls([("measure_ctr", {"film": "img-1"})]), Reply.said("")]) as server:
        Agent(model="openai/stub", api_base=server.url)

It misbehaves on request: it may be slow, break off, answer nonsense, or refuse.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

Arguments = dict[str, Any] | str
_PIECE: Final = 24
"""Characters of text in one chunk of a stream."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server does with one request."""

    text: str | None = None
    wanted: tuple[tuple[str, Arguments], ...] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent in place of anything else."""
    content_type: str = "application/json"
    wait: float = 0.0
    """Seconds before the first byte."""
    pause: float = 0.0
    """Seconds between chunks of a stream."""
    cut_after: int | None = None
    """The connection is closed after so many bytes of the body."""
    no_choices: bool = False
    tokens_in: int = 100
    tokens_out: int = 20
    finish: str | None = None
    """Reason why the reply ends, where it is not the usual one."""

    @classmethod
    def said(cls, text: str, **rest: Any) -> Self:
        """A text."""
        return cls(text=text, **rest)

    @classmethod
    def calls(cls, wanted: Sequence[tuple[str, Arguments]], text: str = "", **rest: Any) -> Self:
        """Tool calls, side by side; arguments given as text are sent as they are."""
        return cls(text=text, wanted=tuple(wanted), **rest)

    @classmethod
    def error(cls, status: int, retry_after: float | None = None) -> Self:
        """A refusal as OpenAI words it."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        body = {"error": {"message": f"stub says {status}", "type": "stub", "code": str(status)}}
        return cls(status=status, headers=headers, body=json.dumps(body).encode())

    @classmethod
    def raw(cls, body: bytes, content_type: str = "application/json") -> Self:
        """Any bytes."""
        return cls(body=body, content_type=content_type)

    def slowly(self, *, wait: float = 0.0, pause: float = 0.0) -> Reply:
        """The same, later or in drops."""
        return replace(self, wait=wait, pause=pause)

    def cut(self, after: int) -> Reply:
        """The same, broken off after some bytes."""
        return replace(self, cut_after=after)


@dataclass(frozen=True, slots=True)
class Request:
    """What came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes
    at: float
    """Monotonic seconds."""


Script = Iterable[Reply] | Callable[[Request], Reply]


class StubServer:
    """Serves ``/v1/chat/completions`` on 127.0.0.1 until it is closed.

    Parameters
    ----------
    script
        Replies in order, of which the last is repeated, or a function of the request.
    """

    def __init__(self, script: Script) -> None:
        self.requests: list[Request] = []
        self._script = script if callable(script) else _in_order(list(script))
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        """Base address, as ``api_base`` takes it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self) -> None:
        """Stop; a reply that is still under way breaks off."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _take(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            return self._script(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                models = {"object": "list", "data": [{"id": "stub", "object": "model"}]}
                _send(self, json.dumps(models).encode(), "application/json")

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = json.loads(raw)
                request = Request(self.path, dict(self.headers), body, raw, time.monotonic())
                reply = stub._take(request)
                # The client may give up, as some scripts mean it to.
                with suppress(BrokenPipeError, ConnectionResetError):
                    _answer(self, reply, stream=bool(body.get("stream")), over=stub._closing)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        return Handler


def _in_order(replies: list[Reply]) -> Callable[[Request], Reply]:
    remaining = list(replies)

    def take(_: Request) -> Reply:
        return remaining.pop(0) if len(remaining) > 1 else remaining[0]

    return take


def _answer(
    handler: BaseHTTPRequestHandler, reply: Reply, *, stream: bool, over: threading.Event
) -> None:
    if reply.wait and over.wait(reply.wait):
        handler.close_connection = True
        return
    if reply.body is not None:
        _send(handler, reply.body, reply.content_type, reply)
        return
    if not stream:
        _send(handler, json.dumps(_whole(reply)).encode(), "application/json", reply)
        return
    handler.send_response(reply.status)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True
    left = reply.cut_after
    for chunk in _chunks(reply):
        data = b"data: " + chunk + b"\n\n"
        if left is not None:
            data, left = data[:left], left - len(data)
        handler.wfile.write(data)
        handler.wfile.flush()
        if left is not None and left <= 0:
            _reset(handler)
            return
        if reply.pause and over.wait(reply.pause):
            return


def _send(
    handler: BaseHTTPRequestHandler, body: bytes, content_type: str, reply: Reply | None = None
) -> None:
    reply = reply or Reply()
    handler.send_response(reply.status)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body if reply.cut_after is None else body[: reply.cut_after])
    if reply.cut_after is not None:
        handler.wfile.flush()
        _reset(handler)


def _reset(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def _usage(reply: Reply) -> dict[str, int]:
    return {
        "prompt_tokens": reply.tokens_in,
        "completion_tokens": reply.tokens_out,
        "total_tokens": reply.tokens_in + reply.tokens_out,
    }


def _tool_calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {
            "index": place,
            "id": f"call_{place}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": given if isinstance(given, str) else json.dumps(given),
            },
        }
        for place, (name, given) in enumerate(reply.wanted)
    ]


def _finish(reply: Reply) -> str:
    return reply.finish or ("tool_calls" if reply.wanted else "stop")


def _whole(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.wanted:
        message["tool_calls"] = _tool_calls(reply)
    choice = {"index": 0, "message": message, "finish_reason": _finish(reply)}
    return {
        "id": "stub",
        "object": "chat.completion",
        "created": 0,
        "model": "stub",
        "choices": [] if reply.no_choices else [choice],
        "usage": _usage(reply),
    }


def _chunks(reply: Reply) -> Iterable[bytes]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    text = reply.text or ""
    deltas += [{"content": text[at : at + _PIECE]} for at in range(0, len(text), _PIECE)]
    for call in _tool_calls(reply):
        name = {"name": call["function"]["name"], "arguments": ""}
        deltas.append({"tool_calls": [{**call, "function": name}]})
        given = call["function"]["arguments"]
        deltas += [
            {
                "tool_calls": [
                    {"index": call["index"], "function": {"arguments": given[at : at + _PIECE]}}
                ]
            }
            for at in range(0, len(given), _PIECE)
        ]
    for delta in [] if reply.no_choices else deltas:
        yield _chunk([{"index": 0, "delta": delta, "finish_reason": None}])
    if not reply.no_choices:
        yield _chunk([{"index": 0, "delta": {}, "finish_reason": _finish(reply)}])
    yield _chunk([], _usage(reply))
    yield b"[DONE]"


def _chunk(choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> bytes:
    chunk = {
        "id": "stub",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "stub",
        "choices": choices,
        "usage": usage,
    }
    return json.dumps(chunk).encode()
