"""The example run of schema version 1: ten events, one of each kind, with fixed times.

    .venv/bin/python -m tests.trace.golden

wrote ``traces/golden/v1`` once. It refuses to do so again: a golden trace is frozen, and what it
stands for is that traces of that day stay readable.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cxr_agent.trace import (
    Conflict,
    Event,
    EvidenceAdded,
    GateVerdict,
    ImageRecord,
    Line,
    Plan,
    ReportDrafted,
    RunFinished,
    RunStarted,
    SpacingRecord,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
    read_trace,
)
from cxr_agent.trace.layout import ARTIFACTS, LINES
from cxr_agent.trace.line import FIRST, GENESIS, digest, encode, stamp
from cxr_agent.trace.render import to_text

ROOT: Final = Path(__file__).resolve().parents[2]
VERSION_1: Final = ROOT / "traces" / "golden" / "v1"
RUN_ID: Final = "20260101T120000Z-00000001"
SHOWN: Final = "show.txt"

PICTURE: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c6368000000820081775471700000000049454e44ae426082"
)
"""A grey PNG of one pixel."""
OUTLINES: Final = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0H1"/></svg>\n'
_PIXELS: Final = digest(b"pixels of the film")
_START: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
_TICK: Final = timedelta(milliseconds=125)


def example_events(put: Callable[[bytes], str], run_id: str = RUN_ID) -> tuple[Event, ...]:
    """A run with one event of each kind; ``put`` keeps an artifact and gives its hash."""
    display, outlines = put(PICTURE), put(OUTLINES)
    sentence = {
        "text": "The heart is enlarged, with a cardiothoracic ratio of 0.58 (0.55 to 0.61).",
        "heading": "heart",
        "evidence": ["e1"],
    }
    evidence = {
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
            program_version="0.1.0",
            planner="protocol",
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
        Plan(
            step=1,
            planner="protocol",
            prompt_id="plan/1",
            prompt_sha256=digest(b"prompt"),
            model="scripted",
            tokens_in=812,
            tokens_out=24,
            cost=0.0021,
            latency_s=0.25,
            decision="cardiothoracic_ratio",
            arguments={"film": "img-1", "level": 0.9},
            rationale="always_measured",
        ),
        ToolCalled(
            step=1,
            tool="cardiothoracic_ratio",
            tool_version="1.0.0",
            arguments={"film": "img-1", "level": 0.9},
        ),
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
        ReportDrafted(sentences=(sentence,)),
        GateVerdict(gate="support", passed=True, sentence=sentence["text"], action="kept"),
        RunFinished(
            status="partial",
            code="partial_reading",
            seconds=1.125,
            report_sha256=put(json.dumps({"findings": [sentence]}).encode()),
        ),
    )


def write_run(folder: Path) -> None:
    """Write the example as a run in ``folder``, at its fixed times."""
    artifacts = folder / ARTIFACTS
    artifacts.mkdir(parents=True)

    def put(data: bytes) -> str:
        (artifacts / digest(data)).write_bytes(data)
        return digest(data)

    previous = GENESIS
    with (folder / LINES).open("xb") as file:
        for seq, event in enumerate(example_events(put), FIRST):
            passed = (seq - FIRST) * _TICK
            line = Line(
                seq=seq,
                time=stamp(_START + passed),
                monotonic=1000 + passed.total_seconds(),
                previous=previous,
                event=event,
            )
            data = encode(line)
            file.write(data + b"\n")
            previous = digest(data)


if __name__ == "__main__":
    write_run(VERSION_1 / RUN_ID)
    (VERSION_1 / SHOWN).write_text(to_text(read_trace(VERSION_1 / RUN_ID), full=True), "utf-8")
