"""JSON Schemas of answers."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticOmit, core_schema

from cxr_agent.toolbox.contract import ToolResult

_PLANES: Final = frozenset(name for name, field in ToolResult.model_fields.items() if field.exclude)
"""What a result holds and does not say: masks, heatmaps, pictures."""
_DEFINITIONS: Final = "#/$defs/"
_RESULT: Final = "result_"


class _WithoutPlanes(GenerateJsonSchema):
    def handle_invalid_for_json_schema(
        self, schema: core_schema.CoreSchema, error_info: str
    ) -> JsonSchemaValue:
        raise PydanticOmit


def schema_of(answer: type[BaseModel]) -> dict[str, Any]:
    """The schema of an answer as it is sent."""
    return answer.model_json_schema(mode="serialization")


def tool_answer_schema(answer: type[BaseModel], result: type[ToolResult]) -> dict[str, Any]:
    """The schema of an answer whose ``result`` is that of one tool."""
    whole = schema_of(answer)
    told = _told(
        result.model_json_schema(
            mode="serialization",
            schema_generator=_WithoutPlanes,
            ref_template=f"{_DEFINITIONS}{_RESULT}{{model}}",
        )
    )
    named = {f"{_RESULT}{name}": one for name, one in told.pop("$defs", {}).items()}
    whole.setdefault("$defs", {}).update(_reached(told, named))
    whole["properties"]["result"] = {"anyOf": [told, {"type": "null"}]}
    return whole


def _told(schema: Any) -> Any:
    """A schema without what a result does not say, at any depth."""
    if isinstance(schema, list):
        return [_told(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _told(one) for name, one in schema.items()}
    if isinstance(kept.get("properties"), dict):
        kept["properties"] = {n: one for n, one in kept["properties"].items() if n not in _PLANES}
        if "required" in kept:
            kept["required"] = [name for name in kept["required"] if name not in _PLANES]
    return kept


def _reached(schema: Any, named: dict[str, Any]) -> dict[str, Any]:
    """The definitions that a schema refers to, directly or by others."""
    reached: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        text = json.dumps(waiting.pop())
        for name, one in named.items():
            if name not in reached and f'"{_DEFINITIONS}{name}"' in text:
                reached[name] = one
                waiting.append(one)
    return reached
