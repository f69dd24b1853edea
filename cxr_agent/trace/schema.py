"""The JSON Schema of a line of ``trace.jsonl``."""

from __future__ import annotations

from typing import Any

from cxr_agent.trace.line import Line


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one line; events are told apart by ``type``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Line.model_json_schema(mode="serialization"),
    }
