"""What the event classes take, and what they refuse."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from cxr_agent.trace import (
    EVENT,
    SCHEMA_VERSION,
    Event,
    EvidenceAdded,
    GateVerdict,
    ModelCalled,
    RunFinished,
    RunStarted,
    ToolCalled,
    ToolReturned,
    artifacts_of,
)
from cxr_agent.trace.line import digest

from .example import COUNT, MESSAGES, OUTLINES, PICTURE, REPLY, example_events
from .strategies import events

EXAMPLES = example_events(digest)
KINDS = get_args(get_args(Event)[0])


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@settings(deadline=None)
@given(events)
def test_round_trip(event: Event) -> None:
    data = EVENT.dump_json(event)
    assert EVENT.validate_json(data) == event
    assert EVENT.dump_json(EVENT.validate_json(data)) == data


def test_examples_are_of_every_kind() -> None:
    assert {type(event) for event in EXAMPLES} == set(KINDS)
    assert len(EXAMPLES) == COUNT


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_unknown_field_is_refused(event: Event) -> None:
    with pytest.raises(ValidationError):
        EVENT.validate_python({**event.model_dump(), "extra": 1})


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_events_are_frozen(event: Event) -> None:
    with pytest.raises(ValidationError):
        event.type = "plan"


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        2**63,
        -(2**63) - 1,
        "\ud800",
        {"\udfff": 1},
        [[math.nan]],
        nested(80),
        b"bytes",
        {1: "a"},
        pytest.param(object(), id="object"),
    ],
    ids=str,
)
def test_what_would_not_read_back_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        ToolCalled.model_validate(
            {"step": 1, "tool": "t", "tool_version": "1", "arguments": {"a": value}}
        )


@pytest.mark.parametrize(
    "change",
    [
        {"step": 0},
        {"seconds": -1},
        {"seconds": math.inf},
        {"seconds": math.nan},
        {"tool": ""},
        {"tool": "t" * 257},
        {"outcome": "great"},
        {"codes": ("Free text.",)},
        {"codes": ("code\n",)},
        {"artifacts": {"mask": "A" * 64}},
        {"artifacts": {"mask": "../../etc/passwd"}},
    ],
    ids=str,
)
def test_value_out_of_range_is_refused(change: dict[str, object]) -> None:
    fine = {"step": 1, "tool": "t", "outcome": "ok", "seconds": 0.0}
    ToolReturned.model_validate(fine)
    with pytest.raises(ValidationError):
        ToolReturned.model_validate(fine | change)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("model_called", {"purpose": "chat"}),
        ("model_called", {"outcome": "Free text."}),
        ("model_called", {"attempts": -1}),
        ("model_called", {"tokens_in": -1}),
        ("model_called", {"cost": -0.01}),
        ("model_called", {"cost": math.nan}),
        ("model_called", {"images": -1}),
        ("model_called", {"sent": "messages.json"}),
        ("asked", {"turn": 0}),
        ("asked", {"sha256": "0" * 63}),
        ("asked", {"text": "\ud800"}),
        ("asked", {"intent": "Is it?"}),
        ("asked", {"subjects": ("",)}),
        ("answered", {"turn": 0}),
        ("answered", {"unsupported": -1}),
        ("answered", {"sentences": ({"value": math.inf},)}),
        ("corrected", {"step": 0}),
        ("corrected", {"kind": "report"}),
        ("corrected", {"who": "\ud800"}),
        ("corrected", {"artifacts": {"mask": "../mask"}}),
        ("withdrawn", {"reason": "no reason"}),
        ("withdrawn", {"evidence": ("",)}),
        ("report_issued", {"status": "failed"}),
        ("report_issued", {"report_sha256": None}),
        ("run_resumed", {"planner": ""}),
    ],
    ids=str,
)
def test_value_out_of_range_is_refused_in_the_events_of_version_2(
    kind: str, change: dict[str, object]
) -> None:
    fine = next(event for event in EXAMPLES if event.type == kind).model_dump()
    EVENT.validate_python(fine)
    with pytest.raises(ValidationError):
        EVENT.validate_python(fine | change)


START = {"run_id": "r", "program_version": "1", "planner": "p"}


def test_schema_versions_that_are_read() -> None:
    for version in range(1, SCHEMA_VERSION + 1):
        started = RunStarted.model_validate({**START, "schema_version": version})
        assert started.schema_version == version
    assert RunStarted.model_validate(START).schema_version == SCHEMA_VERSION == 2


@pytest.mark.parametrize("version", [0, 3, 99, "2", None, 1.5])
def test_another_schema_version_is_refused(version: object) -> None:
    with pytest.raises(ValidationError):
        RunStarted.model_validate({**START, "schema_version": version})


def test_artifacts_of_each_event() -> None:
    found = [(event.type, dict(artifacts_of(event))) for event in EXAMPLES]
    display, outlines = digest(PICTURE), digest(OUTLINES)
    reports = [e.report_sha256 for e in EXAMPLES if isinstance(e, RunFinished)]
    assert [(kind, named) for kind, named in found if named] == [
        ("study_loaded", {"display of img-1": display, "display of prior-1": display}),
        ("model_called", {"messages of plan": digest(MESSAGES), "reply of plan": digest(REPLY)}),
        ("tool_returned", {"lines of cardiothoracic_ratio": outlines}),
        ("evidence_added", {"lines of e1": outlines}),
        ("run_finished", {"report": reports[0]}),
        ("corrected", {"heart as corrected": display}),
        ("report_issued", {"report": reports[1]}),
        ("run_finished", {"report": reports[1]}),
    ]
    assert len(set(reports)) == 2


def test_exchange_that_was_not_kept_has_no_artifacts() -> None:
    (called,) = (event for event in EXAMPLES if isinstance(event, ModelCalled))
    assert list(artifacts_of(called.model_copy(update={"sent": None, "received": None}))) == []
    unanswered = called.model_copy(update={"received": None})
    assert list(artifacts_of(unanswered)) == [("messages of plan", digest(MESSAGES))]


@pytest.mark.parametrize("artifacts", [None, [], "text", {"a": None}, {"a": ["b"]}])
def test_evidence_of_another_shape_has_no_artifacts(artifacts: Any) -> None:
    assert list(artifacts_of(EvidenceAdded(evidence={"artifacts": artifacts}))) == []


@settings(deadline=None)
@given(events)
def test_artifacts_of_any_event(event: Event) -> None:
    for what, sha256 in artifacts_of(event):
        assert what
        assert isinstance(sha256, str)


def test_verdict_on_the_whole_report() -> None:
    verdict = GateVerdict(gate="claims", passed=True, action="kept")
    assert (verdict.sentence, verdict.reason) == (None, "supported")
