"""A kept connection to an MCP server, used from plain threads."""

from __future__ import annotations

import atexit
import math
import threading
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from typing import Any, Final

import anyio
import anyio.from_thread
from anyio.abc import TaskStatus
from anyio.from_thread import BlockingPortal
from mcp.client import Client
from mcp_types import CallToolRequest, CallToolRequestParams, CallToolResult, TextContent

from cxr_agent.errors import ToolError

from .answers import Given
from .mapping import ServerMapping, ToolMapping
from .transport import transport_to

_END_S: Final = 5.0
"""That a session may take to end."""
_LONGEST_TEXT: Final = 1 << 20
"""Characters of text that are looked at."""


class Connection:
    """Asks the tools of one server, one call at a time; starts it when first asked.

    After any failure the server is ended, and the next call starts it anew.
    """

    def __init__(self, server: ServerMapping) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._open: _Open | None = None

    def ask(self, tool: ToolMapping, arguments: dict[str, Any]) -> Given:
        """Call a tool.

        Raises
        ------
        ToolError
            ``tool_timeout``, or ``tool_failed`` when there is no server, it ends, refuses or tells
            of a failure. What it says of that is not told.
        """
        with self._lock:
            try:
                if self._open is None:
                    self._open = _Open(self._server)
                result = self._open.call(tool.called, arguments, tool.time_limit_s)
            except Exception as error:
                self._close()
                raise _told(tool, error) from None
        if result.is_error:
            raise ToolError("tool_failed", f"{tool.name} failed at its server")
        texts = [block.text for block in result.content if isinstance(block, TextContent)]
        return Given(result.structured_content, "\n".join(texts)[:_LONGEST_TEXT])

    def close(self) -> None:
        """End the server, if it runs."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


class _Open:
    """A running session: an event loop in a thread of its own holds it."""

    def __init__(self, server: ServerMapping) -> None:
        self._server = server
        self._thread: AbstractContextManager[BlockingPortal] = (
            anyio.from_thread.start_blocking_portal()
        )
        self._portal = self._thread.__enter__()
        try:
            self._ending: anyio.Event = self._portal.call(anyio.Event)
            started: tuple[Future[None], Client] = self._portal.start_task(self._hold)
            self._held, self._client = started
        except BaseException:
            self._thread.__exit__(None, None, None)
            raise
        atexit.register(self.close)

    def call(self, tool: str, arguments: dict[str, Any], seconds: float) -> CallToolResult:
        result: CallToolResult = self._portal.call(self._call, tool, arguments, seconds)
        return result

    def close(self) -> None:
        atexit.unregister(self.close)
        with suppress(Exception):
            self._portal.call(self._ending.set)
            self._held.result(_END_S)
        self._held.cancel()  # where it has ended, this is nothing
        with suppress(Exception):
            self._thread.__exit__(None, None, None)

    async def _hold(self, *, task_status: TaskStatus[Client]) -> None:
        with anyio.CancelScope() as starting:
            starting.deadline = anyio.current_time() + self._server.start_limit_s
            async with Client(transport_to(self._server), cache=None) as client:
                starting.deadline = math.inf
                task_status.started(client)
                await self._ending.wait()
        if starting.cancelled_caught:
            raise TimeoutError

    async def _call(self, tool: str, arguments: dict[str, Any], seconds: float) -> CallToolResult:
        with anyio.fail_after(seconds):
            # Not call_tool: that holds the answer against a schema of the server's own making.
            return await self._client.session.send_request(
                CallToolRequest(params=CallToolRequestParams(name=tool, arguments=arguments)),
                CallToolResult,
            )


def _told(tool: ToolMapping, error: Exception) -> ToolError:
    if isinstance(error, TimeoutError):
        return ToolError("tool_timeout", f"{tool.name} did not answer in time")
    return ToolError("tool_failed", f"the server of {tool.name} failed")
