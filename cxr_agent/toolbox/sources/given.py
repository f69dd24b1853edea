"""Tools that a program gives to its agent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cxr_agent.errors import ConfigError
from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.sources.loading import tools_of

GivenTool = ToolSpec | Callable[..., Any]
"""A contract, or a function made a tool."""


def given_tools(given: Sequence[GivenTool]) -> Iterator[ToolSpec]:
    """Their contracts.

    Raises
    ------
    ConfigError
        ``bad_tool_contract`` for what is no tool: unlike a plug-in's, this is the caller's mistake.
    """
    for one in given:
        specs = tuple(tools_of(one))
        if not specs:
            name = getattr(one, "__name__", type(one).__name__)
            raise ConfigError(
                "bad_tool_contract",
                f"{name} is no tool",
                hint="Decorate the function with cxr_agent.tool; see docs/tools.md.",
            )
        yield from specs
