"""Spans as OTLP in its JSON encoding, one request per run: what collectors take and files keep.

References
----------
OpenTelemetry Protocol 1.x, JSON Protobuf encoding: ids in hex, 64-bit integers as text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cxr_agent.trace.line import Line
from cxr_agent.trace.spans import KIND, Span, Value, spans_of, trace_id

SCOPE: Final = "cxr_agent.trace"
_INTERNAL: Final = 1
_CLIENT: Final = 3
_ERROR: Final = 2


def request_of(run_id: str, lines: Sequence[Line], version: str) -> bytes:
    """An ``ExportTraceServiceRequest`` with all spans of a run, on one line.

    Parameters
    ----------
    version
        Of this program, which makes the spans; the one that wrote the run is in the run's span.
    """
    trace = trace_id(run_id)
    resource = {
        "service.name": "cxr-agent",
        "service.version": version,
        "openinference.project.name": "cxr-agent",
    }
    request = {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [
                    {
                        "scope": {"name": SCOPE, "version": version},
                        "spans": [_span(trace, span) for span in spans_of(run_id, lines)],
                    }
                ],
            }
        ]
    }
    return json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()


def _span(trace: str, span: Span) -> dict[str, Any]:
    made: dict[str, Any] = {
        "traceId": trace,
        "spanId": span.id,
        "name": span.name,
        "kind": _CLIENT if span.attributes[KIND] == "LLM" else _INTERNAL,
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(max(span.start, span.end)),
        "attributes": _attributes(span.attributes),
        "events": [
            {
                "timeUnixNano": str(moment.at),
                "name": moment.name,
                "attributes": _attributes(moment.attributes),
            }
            for moment in span.moments
        ],
        "status": {"code": _ERROR, "message": span.failed} if span.failed else {},
    }
    if span.parent is not None:
        made["parentSpanId"] = span.parent
    return made


def _attributes(values: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Value) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case _:
            return {"arrayValue": {"values": [_value(one) for one in value]}}
