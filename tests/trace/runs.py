"""Runs as tests of comparisons and of views need them: steps with what they gave, no files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_agent.trace import (
    Event,
    EvidenceAdded,
    GateVerdict,
    ImageRecord,
    Line,
    Plan,
    ReportDrafted,
    RunFinished,
    RunStarted,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
    Trace,
)
from cxr_agent.trace.line import GENESIS, digest

FILM = "img-1"


@dataclass(frozen=True)
class Did:
    """A step: a tool, what it was told, what it measured, and the codes of its evidence."""

    tool: str
    film: str = FILM
    level: float = 0.9
    value: float = 0.5
    codes: tuple[str, ...] = ("cardiomegaly",)
    outcome: str = "ok"


def trace_of(events: Iterable[Event], torn: bool = False) -> Trace:
    lines = tuple(
        Line(
            seq=seq, time="2026-01-01T12:00:00.000000Z", monotonic=0, previous=GENESIS, event=event
        )
        for seq, event in enumerate(events, 1)
    )
    return Trace(Path("nowhere"), lines, (digest(b""),) * len(lines), torn)


def run_of(
    steps: Sequence[Did],
    sentences: Sequence[str] = (),
    *,
    run_id: str = "run",
    start: dict[str, Any] | None = None,
    first: int = 1,
    ended: bool = True,
) -> Trace:
    """A run of these steps and sentences; ``first`` is the number of its first step and id."""
    return trace_of(events_of(steps, sentences, run_id, start or {}, first, ended))


def events_of(
    steps: Sequence[Did],
    sentences: Sequence[str],
    run_id: str,
    start: dict[str, Any],
    first: int,
    ended: bool,
) -> Iterator[Event]:
    yield RunStarted(**({"run_id": run_id, "program_version": "1", "planner": "rule"} | start))
    sha = digest(b"film")
    yield StudyLoaded(
        images=tuple(
            ImageRecord(handle=handle, sha256=sha, rows=9, columns=9, view="PA", display=sha)
            for handle in (FILM, "img-2")
        )
    )
    identity = first
    for number, step in enumerate(steps, first):
        arguments: dict[str, Any] = {"film": step.film, "level": step.level}
        yield Plan(
            step=number,
            planner=start.get("planner", "rule"),
            latency_s=0.1 * identity,
            decision=step.tool,
            arguments=arguments,
            rationale="order",
        )
        yield ToolCalled(step=number, tool=step.tool, tool_version="1", arguments=arguments)
        yield ToolReturned(
            step=number,
            tool=step.tool,
            outcome=step.outcome,
            result={"value": step.value, "items": [{"n": 1}, {"n": step.value}]},
            seconds=0.1 * identity,
            artifacts={"mask": digest(str(step.value).encode())},
        )
        for code in step.codes:
            yield EvidenceAdded(
                evidence={
                    "id": f"e{identity}",
                    "kind": "finding",
                    "code": code,
                    "image": step.film,
                    "polarity": "present",
                    "value": step.value,
                    "reading": f"{code} {step.value:.2f}",
                    "provenance": {"step": number, "tool": step.tool, "tool_version": "1"},
                }
            )
            identity += 1
    cited = {text: [f"e{first}"] if "heart" in text.lower() else [] for text in sentences}
    yield ReportDrafted(
        sentences=tuple(
            {"section": "findings", "text": text, "evidence": cited[text]} for text in sentences
        )
    )
    for text in sentences:
        yield GateVerdict(gate="evidence", passed=True, sentence=text, action="kept")
    if ended:
        yield RunFinished(status="complete", seconds=float(identity))
