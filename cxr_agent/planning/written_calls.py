"""Tool calls that a model wrote as text: small local models often know no other way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from cxr_agent.language import WantedCall

_MOST: Final = 16
_NAMES: Final = ("name", "tool", "function")
_ARGUMENTS: Final = ("arguments", "parameters", "args")


def written_calls(text: str) -> tuple[WantedCall, ...]:
    """Calls written as JSON objects, ``{"name": "measure_ctr", "arguments": {"film": "img-1"}}``.

    What stands around them is not read. Nothing of a call is checked here.
    """
    found: list[WantedCall] = []
    for value in _objects(text):
        name = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), None)
        if name is None:
            continue
        given: Any = next((value[key] for key in _ARGUMENTS if key in value), {})
        arguments = given if isinstance(given, str) else json.dumps(given)
        found.append(WantedCall(f"written_{len(found)}", name, arguments))
        if len(found) == _MOST:
            break
    return tuple(found)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The outermost JSON objects of a text."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            if isinstance(value, dict):
                yield value
        at = text.find("{", end)
