"""The reference client of the SDK against the real program."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from tests.cli.program import MODULE, ROOT, environment


@dataclass(frozen=True)
class Served:
    """A folder of films that is offered, and where traces go."""

    films: Path
    traces: Path
    errors: Path

    def command(self, *more: str) -> list[str]:
        return [sys.executable, *MODULE, "serve", "mcp", "--films", str(self.films), *more]

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.traces, PYTHONPATH=str(ROOT))


@dataclass
class Session:
    """One client with the schemas of answers that the server told."""

    client: Client
    schemas: dict[str, jsonschema.Draft202012Validator]

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """The structured content of an answer that is none of an error, held to its schema."""
        result = await self.client.call_tool(name, arguments)
        assert not result.is_error, result.content
        self.schemas[name].validate(result.structured_content)
        return result.structured_content

    async def refused(self, name: str, /, **arguments: Any) -> str:
        """The code of the error that a call gives."""
        result: CallToolResult = await self.client.call_tool(name, arguments)
        assert result.is_error
        return str(result.structured_content["error"]["code"])


@asynccontextmanager
async def over_stdio(served: Served) -> AsyncIterator[Session]:
    command = served.command()
    parameters = StdioServerParameters(
        command=command[0], args=command[1:], env=served.environment, cwd=served.traces.parent
    )
    with served.errors.open("w") as errors:
        async with Client(stdio_client(parameters, errlog=errors)) as client:
            yield await _session(client)


@contextmanager
def http_server(served: Served) -> Iterator[tuple[str, str]]:
    """The address and the token of a server."""
    with served.errors.open("w") as errors:
        process = subprocess.Popen(
            served.command("--http", "0"),
            stdout=subprocess.PIPE,
            stderr=errors,
            env=served.environment,
            cwd=served.traces.parent,
        )
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield told["address"], told["token"]
        finally:
            process.terminate()
            process.wait(20)
            assert process.stdout is not None
            process.stdout.close()


@asynccontextmanager
async def over_http(address: str, token: str, mode: str = "auto") -> AsyncIterator[Session]:
    """``legacy`` is how clients before the protocol of 2026 begin."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(address, http_client=http), mode=mode) as client,
    ):
        yield await _session(client)


async def _session(client: Client) -> Session:
    tools = (await client.list_tools()).tools
    schemas = {one.name: jsonschema.Draft202012Validator(one.output_schema or {}) for one in tools}
    return Session(client, schemas)
