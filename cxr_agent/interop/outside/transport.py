"""The way to an MCP server, with limits on what it may send: the SDK's own have none on a line."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final

import anyio
import httpx2
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from .mapping import ServerMapping

MOST_BYTES: Final = 8 << 20
"""Of one message; a server that sends a longer one is ended."""
_END_S: Final = 1.0
"""That a server has to end once nobody speaks to it."""
_CONNECT_S: Final = 10.0

_In = MemoryObjectReceiveStream[SessionMessage | Exception]
_Out = MemoryObjectSendStream[SessionMessage]


def transport_to(server: ServerMapping) -> AbstractAsyncContextManager[tuple[_In, _Out]]:
    """Starts the command, or connects to the address; gives what comes and takes what goes."""
    return _process(server) if server.command else _address(server)


@asynccontextmanager
async def _process(server: ServerMapping) -> AsyncIterator[tuple[_In, _Out]]:
    named = {name: os.environ[name] for name in server.env if name in os.environ}
    process = await anyio.open_process(
        list(server.command),
        env=get_default_environment() | named,
        stderr=subprocess.DEVNULL,  # what it says there would come to the user's terminal as ours
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    received, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, to_send = anyio.create_memory_object_stream[SessionMessage](0)
    async with received, incoming, outgoing, to_send, anyio.create_task_group() as tasks:
        tasks.start_soon(_receive, process.stdout, received)
        tasks.start_soon(_send, process.stdin, to_send)
        try:
            yield incoming, outgoing
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)
            tasks.cancel_scope.cancel()


async def _receive(
    stream: ByteReceiveStream, received: MemoryObjectSendStream[SessionMessage | Exception]
) -> None:
    """Pass on line after line; the session ends with the stream, or with a line too long."""
    pending = bytearray()
    gone = (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError, OSError)
    async with received:
        with suppress(*gone):
            while len(pending) <= MOST_BYTES:
                pending += await stream.receive()
                *lines, rest = pending.split(b"\n")
                pending = bytearray(rest)
                for line in lines:
                    if message := _message(bytes(line)):
                        await received.send(message)


def _message(line: bytes) -> SessionMessage | None:
    """What a line says; a line that is no message is passed over."""
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        return None


async def _send(stream: ByteSendStream, to_send: MemoryObjectReceiveStream[SessionMessage]) -> None:
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
        async for one in to_send:
            text = one.message.model_dump_json(by_alias=True, exclude_unset=True)
            await stream.send(text.encode() + b"\n")


async def _end(process: Process) -> None:
    """Let the server end, or end it with all that it started."""
    assert process.stdin is not None
    with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        await process.stdin.aclose()
    with anyio.move_on_after(_END_S):
        await process.wait()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.aclose()


@asynccontextmanager
async def _address(server: ServerMapping) -> AsyncIterator[tuple[_In, _Out]]:
    token = os.environ.get(server.token_variable, "") if server.token_variable else ""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    longest = max((tool.time_limit_s for tool in server.tools), default=_CONNECT_S)
    async with (
        httpx2.AsyncClient(
            transport=_Limited(),
            headers=headers,
            timeout=httpx2.Timeout(_CONNECT_S, read=longest + _CONNECT_S),
            trust_env=False,  # a film goes to the address that was named, not to a proxy
        ) as client,
        streamable_http_client(
            server.url, http_client=client, max_sse_event_size=MOST_BYTES
        ) as streams,
    ):
        yield streams  # type: ignore[misc]


class _Limited(httpx2.AsyncHTTPTransport):
    """Ends an answer that grows beyond :data:`MOST_BYTES`."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _LimitedStream(response.stream)
        return response


class _LimitedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MOST_BYTES:
                raise httpx2.ReadError("the answer is too long")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
