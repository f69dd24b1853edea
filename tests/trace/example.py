"""The example run: every kind of event, in a run that ends, is resumed and ends again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from cxr_agent.trace import (
    Answered,
    Asked,
    Conflict,
    Corrected,
    Event,
    EvidenceAdded,
    GateVerdict,
    ImageRecord,
    ModelCalled,
    Plan,
    ReportDrafted,
    ReportIssued,
    RunFinished,
    RunResumed,
    RunStarted,
    SpacingRecord,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
    Withdrawn,
)
from cxr_agent.trace.fields import JsonObject
from cxr_agent.trace.line import digest

RUN_ID: Final = "20260101T120000Z-00000001"
PICTURE: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c6368000000820081775471700000000049454e44ae426082"
)
"""A grey PNG of one pixel."""
OUTLINES: Final = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0H1"/></svg>\n'
MESSAGES: Final = b'[{"role":"user","content":"Which tool next?"}]'
REPLY: Final = b'{"tool":"cardiothoracic_ratio"}'
COUNT: Final = 20
"""Events of the run."""
ARTIFACTS_KEPT: Final = 6
"""Artifacts that they point to."""
_PIXELS: Final = digest(b"pixels of the film")
_TEXT: Final = "The heart is enlarged, with a cardiothoracic ratio of 0.58 (0.55 to 0.61)."
_SENTENCE: Final[JsonObject] = {
    "text": _TEXT,
    "heading": "heart",
    "evidence": ["e1"],
}
_CORRECTED: Final[JsonObject] = {"text": "The heart is not enlarged.", "evidence": ["e3"]}
_CALL: Final[JsonObject] = {"film": "img-1", "level": 0.9}


def example_events(put: Callable[[bytes], str], run_id: str = RUN_ID) -> tuple[Event, ...]:
    """A run of :data:`COUNT` events; ``put`` keeps an artifact and gives its hash."""
    return (
        *_read(put, run_id),
        RunFinished(
            status="complete",
            seconds=1.125,
            report_sha256=put(json.dumps({"findings": [_SENTENCE]}).encode()),
        ),
        *_resumed(put),
    )


def _read(put: Callable[[bytes], str], run_id: str) -> tuple[Event, ...]:
    display, outlines = put(PICTURE), put(OUTLINES)
    evidence: JsonObject = {
        "id": "e1",
        "kind": "finding",
        "code": "cardiomegaly",
        "image": "img-1",
        "location": "cardiac silhouette",
        "polarity": "present",
        "value": 0.58,
        "unit": "ratio",
        "interval": [0.55, 0.61],
        "interval_level": 0.9,
        "artifacts": {"lines": outlines},
        "reading": "cardiothoracic ratio 0.58 (0.55–0.61)",
        "provenance": {"step": 1, "tool": "cardiothoracic_ratio", "image_sha256": _PIXELS},
    }
    return (
        RunStarted(
            run_id=run_id,
            program_version="0.2.0",
            planner="llm",
            config={"steps": 40, "seconds": 60.0, "tools": ["cardiothoracic_ratio 1.0.0"]},
            versions={"python": "3.11.0", "weights:anatomy": digest(b"weights")},
            seed=7,
        ),
        StudyLoaded(
            images=(
                ImageRecord(
                    handle="img-1",
                    sha256=_PIXELS,
                    rows=2048,
                    columns=2500,
                    view="PA",
                    spacing=SpacingRecord(row_mm=0.168, column_mm=0.168, kind="detector"),
                    notices=("view_from_header",),
                    display=display,
                ),
                ImageRecord(
                    handle="prior-1",
                    sha256=digest(b"pixels of the prior"),
                    rows=1024,
                    columns=1024,
                    view="AP",
                    display=display,
                    days_before=365,
                ),
            ),
            indication_sha256=digest(b"cough"),
        ),
        ModelCalled(
            purpose="plan",
            model="scripted",
            prompt_id="plan/1",
            prompt_sha256=digest(b"prompt"),
            outcome="ok",
            attempts=2,
            tokens_in=812,
            tokens_out=24,
            cost=0.0021,
            seconds=0.25,
            images=1,
            sent=put(MESSAGES),
            received=put(REPLY),
        ),
        Plan(
            step=1,
            planner="llm",
            prompt_id="plan/1",
            prompt_sha256=digest(b"prompt"),
            model="scripted",
            latency_s=0.25,
            decision="cardiothoracic_ratio",
            arguments=_CALL,
            rationale="always_measured",
        ),
        ToolCalled(step=1, tool="cardiothoracic_ratio", tool_version="1.0.0", arguments=_CALL),
        ToolReturned(
            step=1,
            tool="cardiothoracic_ratio",
            outcome="ok",
            result={"ratio": 0.58, "heart_mm": 161.5, "thorax_mm": 278.4, "side": None},
            seconds=0.169,
            artifacts={"lines": outlines},
        ),
        EvidenceAdded(evidence=evidence),
        Conflict(
            codes=("cardiomegaly",), evidence=("e1", "e2"), rule="measurement_over_impression"
        ),
        ReportDrafted(sentences=(_SENTENCE,)),
        GateVerdict(gate="support", passed=True, sentence=_TEXT, action="kept"),
    )


def _resumed(put: Callable[[bytes], str]) -> tuple[Event, ...]:
    """A reader corrects and asks; the report is given out anew and the run ends again."""
    report = put(json.dumps({"findings": [_CORRECTED]}).encode())
    question = "Is the heart still enlarged?"
    return (
        RunResumed(program_version="0.2.1", planner="llm", config={"steps": 40}),
        Corrected(
            step=2,
            kind="mask",
            film="img-1",
            target="heart",
            who="reader 1",
            why="the outline took in the fat pad",
            artifacts={"heart": put(PICTURE)},
        ),
        Corrected(
            step=3,
            kind="finding",
            film="img-1",
            target="cardiomegaly",
            who="reader 1",
            why="a deep breath shows it smaller",
            value={"polarity": "absent", "side": None},
        ),
        Withdrawn(evidence=("e1", "e2"), reason="corrected"),
        EvidenceAdded(
            evidence={
                "id": "e3",
                "kind": "finding",
                "code": "cardiomegaly",
                "image": "img-1",
                "polarity": "absent",
                "reading": "absent, by a reader",
                "provenance": {"step": 3, "tool": "reader", "image_sha256": _PIXELS},
            }
        ),
        Asked(
            turn=1,
            sha256=digest(question.encode()),
            text=question,
            intent="presence",
            subjects=("cardiomegaly",),
        ),
        Answered(turn=1, sentences=(_CORRECTED,), worded_by="scripted", unsupported=1),
        ReportIssued(report_sha256=report, status="partial"),
        RunFinished(status="partial", code="partial_reading", seconds=2.5, report_sha256=report),
    )
