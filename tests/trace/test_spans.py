"""Runs as spans: OTLP that OpenTelemetry's own classes read, attributes of OpenInference."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.trace import RunStarted, ToolCalled, TraceWriter, read_trace
from cxr_agent.trace.otlp import request_of
from cxr_agent.trace.spans import KIND, spans_of, trace_id

from .example import RUN_ID
from .golden import VERSION_1, VERSION_2

MILLISECOND = 10**6
START = 1767268800 * 10**9
"""2026-01-01T12:00:00Z in nanoseconds."""


def request(version: Path = VERSION_2) -> dict[str, Any]:
    trace = read_trace(version / RUN_ID)
    made: dict[str, Any] = json.loads(request_of(trace.run_id, trace.lines, "9.9"))
    return made


def spans(version: Path = VERSION_2) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = request(version)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    return found


def attributes(item: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in item["attributes"]}


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [span for span in spans() if attributes(span)[KIND] == kind]


@pytest.mark.parametrize("version", [VERSION_1, VERSION_2], ids=lambda path: path.name)
def test_opentelemetry_reads_it(version: Path) -> None:
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    from google.protobuf import json_format

    raw = request(version)
    # OTLP's JSON has ids in hex where that of Protobuf has base64; nothing else differs.
    for span in raw["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in {"traceId", "spanId", "parentSpanId"} & span.keys():
            span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    message = json_format.ParseDict(raw, service.ExportTraceServiceRequest())
    (resource,) = message.resource_spans
    assert {one.key: one.value.string_value for one in resource.resource.attributes} == {
        "service.name": "cxr-agent",
        "service.version": "9.9",
        "openinference.project.name": "cxr-agent",
    }
    read = resource.scope_spans[0].spans
    assert {len(span.trace_id) for span in read} == {16}
    assert {len(span.span_id) for span in read} == {8}
    assert len({span.span_id for span in read}) == len(read)
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in read)
    known = {span.span_id for span in read}
    assert read[0].parent_span_id == b""
    assert {span.parent_span_id for span in read[1:]} <= known


def test_one_line_and_the_same_each_time() -> None:
    trace = read_trace(VERSION_2 / RUN_ID)
    made = request_of(trace.run_id, trace.lines, "1")
    assert b"\n" not in made
    assert made == request_of(trace.run_id, trace.lines, "1")
    assert {span["traceId"] for span in spans()} == {trace_id(RUN_ID)}
    assert trace_id(RUN_ID) != trace_id("another")
    assert spans_of("run", ()) == ()


def test_the_run_is_an_agent() -> None:
    (run,) = of_kind("AGENT")
    assert run["startTimeUnixNano"] == str(START)
    told = attributes(run)
    assert told["session.id"] == RUN_ID
    assert told["cxr.status"] == "partial"
    names = [event["name"] for event in run["events"]]
    assert names.count("gate_verdict") == 1
    assert {"conflict", "withdrawn", "report_drafted", "report_issued", "run_resumed"} <= {*names}
    verdict = next(event for event in run["events"] if event["name"] == "gate_verdict")
    assert attributes(verdict)["cxr.gate.passed"] is True


def test_a_step_is_a_tool_with_its_evidence() -> None:
    step, *corrections = of_kind("TOOL")
    assert step["name"] == "cardiothoracic_ratio"
    assert int(step["startTimeUnixNano"]) - START == 4 * 125 * MILLISECOND
    assert int(step["endTimeUnixNano"]) - START == 5 * 125 * MILLISECOND
    told = attributes(step)
    assert told["tool.name"] == "cardiothoracic_ratio"
    assert json.loads(told["input.value"]) == {"film": "img-1", "level": 0.9}
    assert json.loads(told["output.value"])["ratio"] == 0.58
    assert told["cxr.plan.rationale"] == "always_measured"
    (event,) = step["events"]
    assert event["name"] == "evidence"
    assert attributes(event)["cxr.evidence.id"] == "e1"
    assert attributes(event)["cxr.evidence.value"] == 0.58
    assert {span["name"] for span in corrections} == {"correction"}


def test_an_exchange_is_an_llm() -> None:
    (call,) = of_kind("LLM")
    told = attributes(call)
    assert told["llm.model_name"] == "scripted"
    assert (told["llm.token_count.prompt"], told["llm.token_count.completion"]) == ("812", "24")
    assert told["llm.token_count.total"] == "836"
    assert told["llm.cost.total"] == 0.0021
    assert int(call["endTimeUnixNano"]) - START == 2 * 125 * MILLISECOND
    assert int(call["startTimeUnixNano"]) == START  # 0.25 s before its line
    assert call["status"] == {}


def test_an_answer_is_a_chain() -> None:
    (turn,) = of_kind("CHAIN")
    told = attributes(turn)
    assert told["input.value"] == "Is the heart still enlarged?"
    assert told["output.value"] == "The heart is not enlarged."
    assert turn["parentSpanId"] == spans()[0]["spanId"]


def test_a_run_that_was_cut_off(root: Path) -> None:
    with TraceWriter.create(root, "run") as writer:
        writer.append(RunStarted(run_id="run", program_version="1", planner="p"))
        writer.append(ToolCalled(step=1, tool="t", tool_version="1"))
        writer.append(ToolCalled(step=2, tool="t", tool_version="1"))
    run, first, _ = spans_of("run", read_trace(writer.directory).lines)
    assert first.end == run.end
    assert "cxr.outcome" not in first.attributes
