"""The mapping that the user names once, for every command: then its tools are among all others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cxr_agent.errors import ConfigError
from cxr_agent.knowledge.configuration import CONFIG_VARIABLE, read_configuration
from cxr_agent.toolbox.origin import Origin, SourceKind
from cxr_agent.toolbox.registry import Registry

OUTSIDE_VARIABLE: Final = "CXR_AGENT_OUTSIDE"


def configured_mapping(
    mapping: Path | str | None = None, config: Path | str | None = None
) -> Path | None:
    """The file of the mapping; None where none is named.

    Parameters
    ----------
    mapping
        The file; without it the one that ``CXR_AGENT_OUTSIDE`` names, else ``mapping`` in the table
        ``[outside]`` of the configuration, from the folder of that file.

    Raises
    ------
    ConfigError
        ``bad_config``, ``config_unreadable``.
    """
    named = mapping or os.environ.get(OUTSIDE_VARIABLE)
    if named:
        return Path(named)
    table = read_configuration(config).get("outside", {})
    if not isinstance(table, dict) or set(table) - {"mapping"}:
        raise ConfigError("bad_config", "[outside] in the configuration may hold mapping alone")
    stated = table.get("mapping")
    if stated is None:
        return None
    if not isinstance(stated, str) or not stated:
        raise ConfigError("bad_config", "mapping in [outside] of the configuration is no file")
    beside = Path(config or os.environ[CONFIG_VARIABLE]).parent
    return beside / Path(stated).expanduser()


def add_outside_tools(
    registry: Registry, mapping: Path | str | None = None, config: Path | str | None = None
) -> None:
    """Add the tools of that mapping; no server is started before one of them is called.

    Raises
    ------
    ConfigError
        ``bad_config``, ``config_unreadable``, ``mapping_unreadable``, ``bad_mapping``,
        ``mcp_missing``, ``tool_name_taken``.
    """
    path = configured_mapping(mapping, config)
    if path is None:
        return
    from cxr_agent.interop.outside import mcp_tools  # nothing of it is needed without a mapping

    origin = Origin(SourceKind.OUTSIDE, f"by the mapping {path.name}")
    for spec in mcp_tools(path):
        registry.add(spec, origin)
