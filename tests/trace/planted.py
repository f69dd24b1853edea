"""A run with a name planted wherever a person, a film or a language model may have put it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Final

from PIL import Image, PngImagePlugin

from cxr_agent.trace import (
    Answered,
    Asked,
    Corrected,
    EvidenceAdded,
    GateVerdict,
    ImageRecord,
    ModelCalled,
    ReportDrafted,
    ReportIssued,
    RunFinished,
    RunStarted,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
    TraceWriter,
)
from cxr_agent.trace.line import digest

SECRETS: Final = ("Zzcanary", "1943-07-29", "MRN4471188", "/home/zz")
TEXT: Final = "Mr. John Zzcanary, born 1943-07-29, MRN4471188, has a cough; see /home/zz/film.dcm"
SENTENCE: Final = "Enlarged cardiac silhouette: ratio 0.58, of Zzcanary MRN4471188 in /home/zz."
QUESTION: Final = "is the heart of Zzcanary enlarged?"
_PIXELS: Final = digest(b"pixels")


def planted_run(root: Path, run_id: str = "zzcanary-1943-07-29") -> Path:
    """Folder of the run."""
    with TraceWriter.create(root, run_id) as writer:
        _write(writer)
    return writer.directory


def display() -> bytes:
    """A grey picture that says more than its pixels."""
    words = PngImagePlugin.PngInfo()
    words.add_text("Patient", TEXT)
    buffer = io.BytesIO()
    Image.new("L", (64, 48), 90).save(buffer, "PNG", pnginfo=words)
    return buffer.getvalue() + TEXT.encode()


def _write(writer: TraceWriter) -> None:
    shown = writer.put(display())
    files = {
        "lines": writer.put(
            b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
            b'<polyline data-name="midline" points="1,2 3,4" class="Zzcanary">'
            b"<title>Zzcanary</title></polyline></svg>"
        ),
        "script": writer.put(
            b'<svg xmlns="http://www.w3.org/2000/svg"><text>Zzcanary</text></svg>'
        ),
        "entity": writer.put(b"<!DOCTYPE svg [<!ENTITY a 'Zzcanary'>]><svg>&a;</svg>"),
        "notes": writer.put(TEXT.encode()),
        "cut": writer.put(display()[:60]),
    }
    evidence = _evidence(files)
    report: dict[str, Any] = {
        "run_id": writer.run_id,
        "history": TEXT,
        "findings": [{"text": SENTENCE, "evidence": ["e1"]}],
        "films": [{"handle": "img-1", "display": shown}],
        "evidence": [evidence],
        "trace": f"/home/zz/{writer.run_id}",
        "added_later": TEXT,
    }
    kept = writer.put(json.dumps(report).encode())
    for event in (
        RunStarted(
            run_id=writer.run_id,
            program_version="1",
            planner="protocol 6",
            config={"tools": ["measure_ctr 2.0"], "store": "/home/zz", "note": TEXT},
            versions={"numpy": "2.4.6"},
        ),
        StudyLoaded(
            images=(
                ImageRecord(
                    handle="img-1", sha256=_PIXELS, rows=48, columns=64, view="PA", display=shown
                ),
            ),
            indication=TEXT,
            indication_sha256=digest(TEXT.encode()),
        ),
        ModelCalled(
            purpose="word",
            model="openai/some-model",
            prompt_id="word/1",
            prompt_sha256=digest(b"prompt"),
            outcome="ok",
            attempts=1,
            seconds=0.0,
            sent=writer.put(json.dumps([{"role": "user", "content": TEXT}]).encode()),
            received=writer.put(json.dumps({"text": SENTENCE}).encode()),
        ),
        ToolCalled(step=1, tool="measure_ctr", tool_version="2.0", arguments={"film": "img-1"}),
        ToolReturned(
            step=1,
            tool="measure_ctr",
            outcome="ok",
            result={"ratio": 0.58, "remark": TEXT, "codes": ["midline_proxy"]},
            seconds=0.01,
            artifacts=files,
        ),
        EvidenceAdded(evidence=evidence),
        ReportDrafted(sentences=({"text": SENTENCE, "evidence": ["e1"]},)),
        GateVerdict(gate="evidence", passed=True, sentence=SENTENCE, action="kept"),
        ReportIssued(report_sha256=kept, status="complete"),
        Asked(
            turn=1, sha256=digest(QUESTION.encode()), text=QUESTION, intent="presence", subjects=()
        ),
        Answered(
            turn=1, sentences=({"text": SENTENCE, "evidence": ["e1"]},), worded_by="openai/some"
        ),
        Corrected(
            step=2,
            kind="finding",
            film="img-1",
            target="cardiomegaly",
            who="Zzcanary",
            why=TEXT,
            value={"polarity": "absent", "remark": TEXT},
        ),
        RunFinished(status="complete", seconds=1.0, report_sha256=kept),
    ):
        writer.append(event)


def _evidence(files: dict[str, str]) -> dict[str, Any]:
    return {
        "id": "e1",
        "kind": "finding",
        "code": "cardiomegaly",
        "image": "img-1",
        "polarity": "present",
        "value": 0.58,
        "unit": "1",
        "quote": TEXT,
        "reading": SENTENCE,
        "threshold_source": TEXT,
        "artifacts": {"lines": files["lines"]},
        "provenance": {"step": 1, "tool": "measure_ctr", "image_sha256": _PIXELS},
    }
