"""The JSON schema of a line of ``trace.jsonl``, for other programs."""

from __future__ import annotations

from cxr_agent.trace.events import SCHEMA_VERSION
from cxr_agent.trace.fields import JsonObject
from cxr_agent.trace.line import Line


def json_schema() -> JsonObject:
    """JSON Schema (2020-12) of one line, with the version of the events in it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:cxr-agent:trace:{SCHEMA_VERSION}",
        **Line.model_json_schema(mode="serialization"),
    }
