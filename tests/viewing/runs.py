"""Runs to look at: read and corrected, with every drawing, hostile, of thousands of events."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_agent.chat import Chat
from cxr_agent.chat.corrections import correct_finding
from cxr_agent.evidence import Polarity, Side
from cxr_agent.reading.run import Run
from cxr_agent.reading.setup import Setup
from cxr_agent.testing.phantom import STRUCTURES, PhantomSpec, draw
from cxr_agent.toolbox.artifacts import (
    display_png,
    drawings_svg,
    heatmap_png,
    mask_png,
    picture_png,
    saliency_name,
)
from cxr_agent.toolbox.contract import Drawing
from cxr_agent.toolbox.registry import built_in
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
    StudyLoaded,
    ToolCalled,
    ToolReturned,
    TraceWriter,
    Withdrawn,
)
from cxr_agent.trace.line import FIRST, GENESIS, Line, digest, encode, stamp
from tests.builders import scene

Put = Callable[[bytes], str]

HOSTILE: Final = (
    "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned=1'> "
    "<!--<script> javascript:window.pwned=1 {{7*7}} {% raw %} ${window.pwned=1} \"'`><svg onload="
    "window.pwned=1> __proto__ \u202egnp\u2069 \x1b[31m \x00 \u2028\u2029 &amp; end"
)


def write_reading(root: Path) -> Path:
    """A run over a phantom: read, asked one question, corrected once, finished."""
    made = scene(PhantomSpec(cardiothoracic_ratio=0.6))
    with TraceWriter.create(root) as trace:
        run = Run(made.study, Setup(registry=built_in(), shelf=made.shelf), trace)
        run.start()
        run.read()
        run.issue()
        chat = Chat(run)
        chat.ask("Is the heart enlarged?")
        correct_finding(
            run,
            "img-1",
            "pleural_effusion",
            Polarity.PRESENT,
            side=Side.RIGHT,
            who="Dr A. Reader",
            why="seen on the lateral film",
        )
        run.finish()
    return trace.directory


def write_drawn(root: Path) -> Path:
    """A run with a mask, lines, a map, a difference picture, boxes and exchanges with a model."""
    with TraceWriter.create(root, "drawn") as trace:
        for event in drawn_events(trace.put):
            trace.append(event)
    return trace.directory


def drawn_events(put: Put) -> Iterator[Event]:
    phantom = draw()
    rows, columns = phantom.pixels.shape
    display = put(display_png(phantom.pixels))
    plane = np.exp(-((np.mgrid[0:64, 0:64] / 16 - 2) ** 2).sum(axis=0)).astype(np.float32)
    rgb = np.stack([np.rint(phantom.pixels * 255).astype(np.uint8)] * 3, axis=-1)
    line = Drawing(name="heart", label="heart", points=((180.0, 330.0), (370.0, 330.0)))
    files = {
        "masks": {name: put(mask_png(phantom.masks[name])) for name in STRUCTURES},
        "lines": {"lines": put(drawings_svg([line], (rows, columns)))},
        "map": {saliency_name("pleural_effusion"): put(heatmap_png(plane))},
        "difference": {"difference": put(picture_png(rgb))},
    }
    yield RunStarted(run_id="drawn", program_version="1", planner="llm")
    yield StudyLoaded(
        images=tuple(
            ImageRecord(
                handle=handle,
                sha256=digest(handle.encode()),
                rows=rows,
                columns=columns,
                view="PA",
                display=display,
                days_before=before,
            )
            for handle, before in (("img-1", None), ("prior-1", 400))
        )
    )
    steps: tuple[tuple[str, str, dict[str, str], dict[str, Any]], ...] = (
        ("segment_anatomy", "masks", {"film": "img-1"}, {"kind": "region", "code": "heart"}),
        ("measure_ctr", "lines", {"film": "img-1"}, {"value": 0.46, "unit": "1"}),
        ("classify_findings", "map", {"film": "img-1"}, {"box": [60, 200, 220, 420]}),
        ("compare_with_prior", "difference", {"film": "img-1", "prior": "prior-1"}, {}),
        ("segment_anatomy", "masks", {"film": "prior-1"}, {"kind": "region", "code": "heart"}),
        ("find_box", "", {"film": "img-1"}, {"box": [300, 100, 420, 260]}),
    )
    for step, (tool, what, arguments, about) in enumerate(steps, 1):
        artifacts = files.get(what, {})
        yield ModelCalled(
            purpose="plan",
            model="scripted",
            prompt_id="plan/1",
            prompt_sha256=digest(b"prompt"),
            outcome="ok",
            attempts=1,
            tokens_in=100 + step,
            tokens_out=10,
            cost=0.001,
            seconds=0.25,
            sent=put(json.dumps([{"role": "user", "content": f"question {step}"}]).encode())
            if step % 2
            else None,
            received=put(json.dumps({"tool": tool}).encode()) if step % 2 else None,
        )
        yield Plan(
            step=step,
            planner="llm",
            latency_s=0.25,
            decision=tool,
            arguments=dict(arguments),
            rationale="chosen_by_model",
        )
        yield ToolCalled(step=step, tool=tool, tool_version="1", arguments=dict(arguments))
        yield ToolReturned(
            step=step,
            tool=tool,
            outcome="ok",
            result={"ratio": 0.5},
            seconds=0.1 * step,
            artifacts=artifacts,
        )
        yield EvidenceAdded(
            evidence={
                "id": f"e{step}",
                "kind": "finding",
                "code": "pleural_effusion",
                "image": arguments["film"],
                "polarity": "present",
                "artifacts": artifacts,
                "reading": f"What {tool} says of {arguments['film']}.",
                "provenance": {"step": step, "tool": tool, "image_sha256": digest(b"x")},
                **about,
            }
        )
    sentences = [
        {"text": f"Sentence {number}.", "evidence": [f"e{number}"], "heading": None}
        for number in range(1, len(steps) + 1)
    ]
    yield ReportDrafted(sentences=tuple(sentences))
    for sentence in sentences:
        yield GateVerdict(
            gate="evidence", passed=True, sentence=str(sentence["text"]), action="kept"
        )
    yield GateVerdict(
        gate="evidence", passed=False, sentence="Not so.", reason="no_evidence", action="dropped"
    )
    report = put(
        json.dumps(
            {
                "status": "complete",
                "findings": sentences,
                "impression": [{"text": "In sum.", "evidence": ["e2", "e3"]}],
                "dropped": [{"text": "Not so.", "evidence": ["e1"], "reason": "no_evidence"}],
            }
        ).encode()
    )
    yield RunFinished(status="complete", seconds=2.0, report_sha256=report)


def hostile_events(put: Put) -> Iterator[Event]:
    """Every kind of event with the hostile text wherever text may stand."""
    display = put(display_png(draw().pixels))
    sha = put(HOSTILE.encode())
    rows, columns = draw().pixels.shape
    named: dict[str, Any] = {HOSTILE: HOSTILE, "__proto__": {"x": HOSTILE}, "constructor": HOSTILE}
    sentence: dict[str, Any] = {
        "text": HOSTILE,
        "evidence": [HOSTILE, "constructor"],
        "section": "constructor",
        "heading": HOSTILE,
        "tier": HOSTILE,
    }
    yield RunStarted(
        run_id=HOSTILE,
        program_version=HOSTILE,
        planner=HOSTILE,
        config=named,
        versions={HOSTILE: HOSTILE},
    )
    yield StudyLoaded(
        images=(
            ImageRecord(
                handle=HOSTILE,
                sha256=digest(b""),
                rows=rows,
                columns=columns,
                view=HOSTILE,
                display=display,
            ),
            ImageRecord(
                handle="__proto__",
                sha256=digest(b""),
                rows=rows,
                columns=columns,
                view=HOSTILE,
                display=sha,
            ),
        ),
        indication=HOSTILE,
    )
    yield Plan(
        step=1,
        planner=HOSTILE,
        prompt_id=HOSTILE,
        model=HOSTILE,
        latency_s=1,
        decision=HOSTILE,
        arguments={"film": HOSTILE, **named},
        rationale="x",
    )
    yield ToolCalled(step=1, tool=HOSTILE, tool_version=HOSTILE, arguments={"film": HOSTILE})
    yield ToolReturned(
        step=1,
        tool=HOSTILE,
        outcome="ok",
        result=named,
        seconds=1,
        artifacts={HOSTILE: sha, "lines": put(b"<svg xmlns='http://www.w3.org/2000/svg'/>")},
    )
    for identity in (HOSTILE, "constructor", "e1"):
        yield EvidenceAdded(
            evidence={
                "id": identity,
                "kind": HOSTILE,
                "code": HOSTILE,
                "image": HOSTILE,
                "location": HOSTILE,
                "category": HOSTILE,
                "polarity": {"a": HOSTILE},
                "reasons": [HOSTILE],
                "quote": HOSTILE,
                "reading": HOSTILE,
                "box": [HOSTILE] * 4 if identity == "e1" else [1, 2, 3, 4],
                "details": named,
                "basis": [HOSTILE],
                "interval": HOSTILE,
                "threshold": 1,
                "threshold_source": HOSTILE,
                "artifacts": {HOSTILE: sha, "saliency_x": HOSTILE},
                "provenance": {"step": 1, "tool": HOSTILE, "model": HOSTILE},
            }
        )
    yield EvidenceAdded(evidence={"id": 7, "provenance": HOSTILE, "artifacts": HOSTILE})
    yield Conflict(codes=("x",), evidence=(HOSTILE,), rule="x")
    yield ModelCalled(
        purpose="plan",
        model=HOSTILE,
        prompt_id=HOSTILE,
        prompt_sha256=digest(b""),
        outcome="ok",
        attempts=1,
        seconds=1,
        sent=sha,
        received=put(json.dumps({"said": HOSTILE}).encode()),
    )
    yield ReportDrafted(sentences=(sentence,))
    yield GateVerdict(gate="g", passed=False, sentence=HOSTILE, action="repaired")
    report = put(json.dumps({"findings": [sentence], "dropped": [sentence]}).encode())
    yield ReportIssued(report_sha256=report, status="complete")
    yield Asked(turn=1, sha256=digest(b""), text=HOSTILE, intent="x", subjects=(HOSTILE,))
    yield Answered(turn=1, sentences=(sentence,), worded_by=HOSTILE, unsupported=1)
    yield RunResumed(program_version=HOSTILE, planner=HOSTILE, config=named)
    yield Corrected(
        step=2,
        kind="finding",
        film=HOSTILE,
        target=HOSTILE,
        who=HOSTILE,
        why=HOSTILE,
        value=named,
        artifacts={HOSTILE: sha},
    )
    yield Withdrawn(evidence=(HOSTILE,), reason="x")
    yield RunFinished(status="failed", code="x", seconds=1, report_sha256=sha)


def write_many(folder: Path, count: int = 5000) -> Path:
    """A run of ``count`` events with films, masks, exchanges and a long report, written at once:
    a TraceWriter syncs each line to the disk."""
    (folder / "artifacts").mkdir(parents=True)

    def put(data: bytes) -> str:
        (folder / "artifacts" / digest(data)).write_bytes(data)
        return digest(data)

    first = list(drawn_events(put))[:-1]
    masks = next(e for e in first if isinstance(e, ToolReturned)).artifacts
    events: list[Event] = first
    step = 10
    while len(events) < count - 1:
        step += 1
        events += [
            ModelCalled(
                purpose="plan",
                model="scripted",
                prompt_id="plan/1",
                prompt_sha256=digest(b"prompt"),
                outcome="ok",
                attempts=1,
                tokens_in=900,
                tokens_out=20,
                cost=0.001,
                seconds=0.2,
                sent=put(json.dumps([{"role": "user", "content": f"step {step} " * 40}]).encode()),
            ),
            Plan(
                step=step,
                planner="llm",
                latency_s=0.2,
                decision="measure_ctr",
                arguments={"film": "img-1"},
                rationale="chosen_by_model",
            ),
            ToolCalled(
                step=step, tool="measure_ctr", tool_version="1", arguments={"film": "img-1"}
            ),
            ToolReturned(
                step=step,
                tool="measure_ctr",
                outcome="ok",
                result={f"number_{place}": math.sin(step * place) for place in range(12)},
                seconds=0.02,
                artifacts=masks,
            ),
            *(
                EvidenceAdded(
                    evidence={
                        "id": f"e{10 * step + place}",
                        "kind": "measurement",
                        "code": "cardiothoracic_ratio",
                        "image": "img-1",
                        "value": 0.5,
                        "unit": "1",
                        "artifacts": masks,
                        "reading": f"Cardiothoracic ratio, measurement {place} of step {step}.",
                        "provenance": {"step": step, "tool": "measure_ctr"},
                    }
                )
                for place in range(4)
            ),
            GateVerdict(gate="evidence", passed=True, sentence=f"S {step}.", action="kept"),
        ]
    sentences = [{"text": f"S {n}.", "evidence": [f"e{10 * n}"]} for n in range(11, step)]
    report = put(json.dumps({"status": "complete", "findings": sentences}).encode())
    events = [
        *events[: count - 1],
        RunFinished(status="complete", seconds=60.0, report_sha256=report),
    ]
    write_lines(folder, events)
    return folder


def write_lines(folder: Path, events: list[Event]) -> None:
    """Write events as a chain, a hundredth of a second apart."""
    from datetime import UTC, datetime, timedelta

    start, previous = datetime(2026, 1, 1, tzinfo=UTC), GENESIS
    with (folder / "trace.jsonl").open("wb") as file:
        for seq, event in enumerate(events, FIRST):
            line = Line(
                seq=seq,
                time=stamp(start + timedelta(seconds=0.01 * seq)),
                monotonic=0.01 * seq,
                previous=previous,
                event=event,
            )
            data = encode(line)
            previous = digest(data)
            file.write(data + b"\n")
