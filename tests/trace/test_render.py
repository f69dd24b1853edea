"""A run as text."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.trace import (
    Answered,
    Asked,
    Conflict,
    Corrected,
    Event,
    EvidenceAdded,
    GateVerdict,
    ImageRecord,
    Line,
    ModelCalled,
    Plan,
    ReportDrafted,
    ReportIssued,
    RunFinished,
    RunResumed,
    RunStarted,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
    Trace,
    Withdrawn,
    read_trace,
)
from cxr_agent.trace.fields import JsonObject
from cxr_agent.trace.line import GENESIS, digest
from cxr_agent.trace.render import clean, to_text

from .example import PICTURE, example_events
from .strategies import events

HOSTILE = (
    "\x1b[2J\x1b]0;title\x07 \x9b31m \r\n\b\t\x00\x7f \u202e\u2066\u200b \u2028\u2029 \x85 end"
)
SHA = digest(b"")


def trace_of(*written: Event, torn: bool = False) -> Trace:
    lines = tuple(
        Line(
            seq=seq, time="2026-01-01T12:00:00.000000Z", monotonic=0, previous=GENESIS, event=event
        )
        for seq, event in enumerate(written, 1)
    )
    return Trace(Path("nowhere"), lines, (SHA,) * len(lines), torn)


def is_plain(text: str) -> bool:
    """No character that steers a terminal but the line feed."""
    return all(
        character == "\n"
        or not (
            unicodedata.category(character).startswith("C")
            or unicodedata.category(character) in ("Zl", "Zp")
        )
        for character in text
    )


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("run_started", ["Run run-1\n  program 0.2.0, planner llm\n"]),
        ("study_loaded", ["img-1", "2048 x 2500", "PA", "0.168 mm/px", "view_from_header"]),
        ("plan", ["[1]", "cardiothoracic_ratio(film=img-1, level=0.9)", "scripted", "always_"]),
        ("tool_called", ["cardiothoracic_ratio 1.0.0"]),
        ("tool_returned", ["ok", "169 ms", "lines"]),
        ("evidence_added", ["e1 finding cardiomegaly: cardiothoracic ratio 0.58"]),
        ("conflict", ["e1, e2", "measurement_over_impression"]),
        ("report_drafted", ["1 sentence\n"]),
        ("gate_verdict", ["support", "kept", "The heart is enlarged"]),
        ("model_called", ["scripted asked to plan: ok, 812 + 24 tokens, 0.0021 USD in 0.25 s"]),
        ("run_finished", ["Finished: complete in 1.12 s", "partial (partial_reading) in 2.50 s"]),
        ("run_resumed", ["Resumed by program 0.2.1, llm\n"]),
        ("corrected", ["[2] mask corrected: heart\n    on img-1 by reader 1: the outline took"]),
        ("corrected", [f"       heart  {digest(PICTURE)[:12]}\n"]),
        ("corrected", ["[3] finding corrected: cardiomegaly(polarity=absent, side=None)\n"]),
        ("withdrawn", ["withdrawn (corrected): e1, e2\n"]),
        ("asked", ["Question 1: Is the heart still enlarged?\n    understood as presence: card"]),
        ("answered", ["answered by scripted\n      The heart is not enlarged. [e3]\n"]),
        ("answered", ["! 1 of the model's sentences had no support"]),
        ("report_issued", ["Report given out: partial, "]),
    ],
)
def test_every_kind_is_shown(kind: str, shown: list[str]) -> None:
    written = [event for event in example_events(digest, "run-1") if event.type == kind]
    text = to_text(trace_of(*written), full=True)
    for words in shown:
        assert words in text


def test_events_come_in_order(folder: Path) -> None:
    text = to_text(read_trace(folder), full=True)
    marks = ["Run run-1", "img-1:", "asked to plan", "[1]", "-> ok", "e1 finding", "conflict"]
    marks += ["drafted", "Finished: complete", "Resumed", "mask corrected", "withdrawn"]
    marks += ["Question 1", "answered by", "given out", "Finished: partial"]
    places = [text.index(mark) for mark in marks]
    assert all(before < after for before, after in pairwise(places))


def test_finished_run_has_no_warning(folder: Path) -> None:
    text = to_text(read_trace(folder))
    assert "did not end" not in text
    assert "torn" not in text


def test_resumed_run_that_goes_on_did_not_end() -> None:
    end = RunFinished(status="complete", seconds=0)
    again = RunResumed(program_version="1", planner="llm")
    assert "did not end" not in to_text(trace_of(end))
    assert "! the run did not end" in to_text(trace_of(end, again))
    assert "did not end" not in to_text(trace_of(end, again, end))


def test_what_is_not_known_or_not_kept_is_left_out() -> None:
    called = ModelCalled(
        purpose="answer",
        model="m",
        prompt_id="p",
        prompt_sha256=SHA,
        outcome="timeout",
        attempts=3,
        seconds=30,
    )
    asked = Asked(turn=2, sha256=SHA, intent="unknown")
    answered = Answered(turn=2, sentences=({"value": 1},), worded_by="rule")
    placed = Corrected(
        step=3,
        kind="landmark",
        film="img-1",
        target="carina",
        who="",
        why="",
        value={"x": 10.5, "y": 20},
    )
    text = to_text(trace_of(called, asked, answered, placed))
    assert "    m asked to answer: timeout, 0 + 0 tokens in 30.00 s\n" in text
    assert "\nQuestion 2: (question not kept)\n    understood as unknown\n" in text
    assert "    answered by rule\n      None []\n" in text
    assert "had no support" not in text
    assert "[3] landmark corrected: carina(x=10.5, y=20)\n" in text


@pytest.mark.parametrize("torn", [False, True])
def test_unfinished_and_torn_are_said(torn: bool) -> None:
    text = to_text(trace_of(*example_events(digest)[:4], torn=torn))
    assert "the run did not end" in text
    assert ("torn" in text) is torn


def test_nothing_written() -> None:
    assert (
        to_text(trace_of()) == "! the run did not end: it is still going on, or was cut off here\n"
    )


def test_what_the_gates_let_through_only_when_asked() -> None:
    passed = GateVerdict(gate="support", passed=True, sentence="Fine.", action="kept")
    failed = GateVerdict(
        gate="support", passed=False, sentence="Bad.", action="dropped", reason="no_evidence"
    )
    trace = trace_of(passed, failed)
    assert "Fine." not in to_text(trace)
    assert "Fine." in to_text(trace, full=True)
    for full in (False, True):
        assert "! support: dropped, no_evidence\n      Bad.\n" in to_text(trace, full=full)


def test_why_a_tool_gave_nothing() -> None:
    returned = ToolReturned(
        step=1, tool="t", outcome="abstained", codes=("no_spacing", "rotated"), seconds=0
    )
    assert "-> abstained: no_spacing, rotated in 0 ms" in to_text(trace_of(returned))


def test_nothing_of_the_data_steers_the_terminal() -> None:
    hostile: JsonObject = {"id": HOSTILE, "kind": HOSTILE, "code": HOSTILE, "reading": [HOSTILE]}
    image = ImageRecord(
        handle=HOSTILE, sha256=SHA, rows=1, columns=1, view=HOSTILE, display=SHA, days_before=-1
    )
    written = (
        RunStarted(run_id=HOSTILE, program_version=HOSTILE, planner=HOSTILE),
        StudyLoaded(images=(image,), indication=HOSTILE),
        Plan(
            step=1,
            planner=HOSTILE,
            model=HOSTILE,
            latency_s=0,
            decision=HOSTILE,
            arguments={HOSTILE: HOSTILE, "more": {HOSTILE: [HOSTILE]}},
            rationale="why",
        ),
        ToolCalled(step=1, tool=HOSTILE, tool_version=HOSTILE),
        ToolReturned(step=1, tool=HOSTILE, outcome="ok", seconds=0, artifacts={HOSTILE: SHA}),
        EvidenceAdded(evidence=hostile),
        Conflict(codes=("a",), evidence=(HOSTILE,), rule="rule"),
        ReportDrafted(sentences=({HOSTILE: HOSTILE},)),
        GateVerdict(gate="g", passed=False, sentence=HOSTILE, action="dropped"),
        ModelCalled(
            purpose="plan",
            model=HOSTILE,
            prompt_id=HOSTILE,
            prompt_sha256=SHA,
            outcome="ok",
            attempts=1,
            seconds=0,
        ),
        Asked(turn=1, sha256=SHA, text=HOSTILE, intent="why", subjects=(HOSTILE,)),
        Answered(turn=1, sentences=({"text": HOSTILE, "evidence": [HOSTILE]},), worded_by=HOSTILE),
        Corrected(
            step=1,
            kind="mask",
            film=HOSTILE,
            target=HOSTILE,
            who=HOSTILE,
            why=HOSTILE,
            value={HOSTILE: HOSTILE},
            artifacts={HOSTILE: SHA},
        ),
        Withdrawn(evidence=(HOSTILE,), reason="why"),
        ReportIssued(report_sha256=SHA, status="complete"),
        RunResumed(program_version=HOSTILE, planner=HOSTILE),
        RunFinished(status="complete", seconds=0),
    )
    assert {type(event) for event in written} == set(get_args(get_args(Event)[0]))
    text = to_text(trace_of(*written), full=True)
    assert is_plain(text)
    assert "end" in text
    # Nothing but the program makes lines: a forged "Finished" cannot stand at the left edge.
    assert len(text.splitlines()) == 32


@settings(deadline=None)
@given(st.lists(events, max_size=4), st.booleans(), st.booleans())
def test_any_run_is_shown_plainly(written: list[Event], torn: bool, full: bool) -> None:
    text = to_text(trace_of(*written, torn=torn), full=full)
    assert is_plain(text)
    assert text.endswith("\n")


@pytest.mark.parametrize(
    "text", ["", "plain text", "µ é 肺 ≥ 0.5 – “quoted”", "a\N{NO-BREAK SPACE}b"]
)
def test_words_stay_as_they_are(text: str) -> None:
    assert clean(text) == text


def test_one_mark_for_each_character_taken_out() -> None:
    assert clean("a\x1b[31m\nb\u2028") == "a\ufffd[31m\ufffdb\ufffd"
