"""The tools of MCP servers as tools of ours."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cxr_agent.errors import ConfigError
from cxr_agent.toolbox.contract import ToolSpec

from .answers import Given
from .mapping import ServerMapping, ToolMapping, load_mapping, servers_of
from .spec import outside_spec


def mcp_tools(config: Path | str | Mapping[str, Any]) -> list[ToolSpec]:
    """The tools that a mapping names, to be given to a registry.

    No server is started before one of its tools is called, and then it is kept.

    Parameters
    ----------
    config
        A TOML file, or what one holds; ``docs/mcp.md`` has an example.

    Raises
    ------
    ConfigError
        ``mapping_unreadable``, ``bad_mapping``, ``mcp_missing``.
    """
    servers = servers_of(config) if isinstance(config, Mapping) else load_mapping(config)
    return [spec for server in servers for spec in _specs(server)]


def _specs(server: ServerMapping) -> list[ToolSpec]:
    try:
        from .connection import Connection
    except ModuleNotFoundError:
        raise ConfigError(
            "mcp_missing",
            "the library that speaks MCP is not installed",
            hint="pip install 'cxr-agent[mcp]'",
        ) from None
    connection = Connection(server)

    def ask(tool: ToolMapping, arguments: dict[str, Any]) -> Given:
        return connection.ask(tool, arguments)

    return [outside_spec(tool, partial(ask, tool)) for tool in server.tools]
