"""What a trace keeps of a tool's result: of a plug-in's, no text that could name somebody.

A plug-in may hand on whatever it found in a file, and the trace is shown and passed on. Numbers
stay, and so do the words that its contract or ours declares; of all other text the everyday words.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from cxr_agent.knowledge import reasons, vocabulary
from cxr_agent.language import masked
from cxr_agent.toolbox.contract import ToolResult, ToolSpec

_OURS: Final = "cxr_agent.tools."


def record_of(spec: ToolSpec, result: type[ToolResult], said: dict[str, Any]) -> dict[str, Any]:
    """A result as it is recorded, shown and compared in a replay.

    Parameters
    ----------
    said
        It as JSON.
    """
    if spec.function.__module__.startswith(_OURS):
        return said
    declared = _declared(result)
    return {name: _kept(value, declared) for name, value in said.items()}


def _kept(value: Any, declared: frozenset[str]) -> Any:
    match value:
        case str():
            known = value in declared or value in vocabulary() or value in reasons()
            return value if known else masked(value).text
        case list():
            return [_kept(item, declared) for item in value]
        case dict():
            return {_kept(name, declared): _kept(item, declared) for name, item in value.items()}
    return value


@lru_cache(maxsize=256)
def _declared(result: type[ToolResult]) -> frozenset[str]:
    """Names of fields, and the values of enumerations and literals."""
    return frozenset(_words(result.model_json_schema(mode="serialization")))


def _words(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", ())
        yield from (value for value in schema.get("enum", ()) if isinstance(value, str))
        if isinstance(schema.get("const"), str):
            yield schema["const"]
        for part in schema.values():
            yield from _words(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _words(part)
