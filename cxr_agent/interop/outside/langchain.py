"""A LangChain tool as a tool of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cxr_agent.errors import ConfigError, ToolError
from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.limits import call_within

from .answers import Given
from .mapping import ToolMapping
from .spec import outside_spec

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


def from_langchain(tool: BaseTool, mapping: ToolMapping | Mapping[str, Any]) -> ToolSpec:
    """A LangChain tool as one that a registry takes.

    Parameters
    ----------
    mapping
        What it is asked for and where its answer has what, as for a tool of an MCP server. Its
        own name, description and whatever else it says of itself is not used.

    Raises
    ------
    ConfigError
        ``bad_mapping``.
    """
    stated = _stated(mapping)

    def ask(arguments: dict[str, Any]) -> Given:
        def work() -> Any:
            return tool.invoke(arguments)

        try:
            return _given(call_within(stated.time_limit_s, stated.name, work))
        except ToolError:
            raise
        except Exception:
            # What it says of its failure may hold anything; that it failed is all that is told.
            raise ToolError("tool_failed", f"{stated.name} failed") from None

    return outside_spec(stated, ask)


def _stated(mapping: ToolMapping | Mapping[str, Any]) -> ToolMapping:
    if isinstance(mapping, ToolMapping):
        return mapping
    try:
        return ToolMapping.model_validate(mapping)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        what = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigError(
            "bad_mapping", f"the mapping of a tool is wrong at {place or 'its top'}: {what}"
        ) from None


def _given(result: Any) -> Given:
    """What LangChain tools give: text, JSON, blocks of text, or such with an artifact."""
    if isinstance(result, tuple) and len(result) == 2:
        content, artifact = result
        return Given(artifact if isinstance(artifact, dict) else None, _given(content).text)
    if isinstance(result, str):
        return Given(None, result)
    if isinstance(result, dict):
        return Given(result)
    if isinstance(result, list):
        texts = [one.get("text") for one in result if isinstance(one, dict)]
        return Given(result, "\n".join(one for one in texts if isinstance(one, str)))
    return Given(result)
