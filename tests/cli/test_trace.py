"""``cxr-agent trace`` and ``cxr-agent tools`` on what a real run left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from cxr_agent.trace import read_trace, verify

from .conftest import Reading
from .program import run_program


def test_every_reading_of_a_list_has_its_own_trace(list_run: Reading) -> None:
    ends = []
    for folder in list_run.trace_folders:
        trace = read_trace(folder)
        assert verify(trace).intact
        assert trace.finished is not None
        ends.append(trace.finished.status)
    # Six films were read and one was refused from its pixels; two never became a reading.
    assert sorted(ends) == ["complete"] * 6 + ["refused"]


def test_trace_keeps_the_report(text_run: Reading) -> None:
    (folder,) = text_run.trace_folders
    trace = read_trace(folder)
    assert trace.finished is not None
    assert trace.finished.report_sha256 is not None
    kept = json.loads(trace.artifact(trace.finished.report_sha256))
    assert kept["run_id"] == folder.name
    assert kept["trace"] is None
    assert all(s["text"].split()[0] in text_run.ran.out for s in kept["findings"])


def test_list_show_verify(list_run: Reading) -> None:
    listed = run_program("trace", "list", "--json", traces=list_run.traces)
    names = [run["name"] for run in listed.json]
    assert sorted(names) == [folder.name for folder in list_run.trace_folders]
    read = [entry["run_id"] for entry in list_run.ran.json if "run_id" in entry]
    assert [name for name in names if name in read] == read[::-1]  # the newest comes first
    shown = run_program("trace", "show", "last", "--json", traces=list_run.traces)
    lines = shown.json["lines"]
    assert lines[0]["event"]["type"] == "run_started"
    assert lines[-1]["event"]["type"] == "run_finished"
    checked = run_program("trace", "verify", "last", traces=list_run.traces)
    assert checked.status == 0
    assert ": intact, " in checked.out


def test_changed_trace_is_found(text_run: Reading, tmp_path: Path) -> None:
    shutil.copytree(text_run.traces, tmp_path, dirs_exist_ok=True)
    (folder,) = tmp_path.iterdir()
    file = folder / "trace.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"cardiomegaly"', b'"pneumothorax"', 1))
    ran = run_program("trace", "verify", traces=tmp_path)
    assert ran.status == 8
    assert "[line_changed]" in ran.out


def test_no_trace(tmp_path: Path) -> None:
    ran = run_program("trace", "show", traces=tmp_path / "none")
    assert ran.status == 8
    assert ran.errors == [("", "trace_not_found")]
    assert run_program("trace", "list", traces=tmp_path / "none").status == 0


def test_schema_of_a_line(tmp_path: Path) -> None:
    assert "$defs" in run_program("trace", "schema", traces=tmp_path).json


def test_tools_as_text_and_json(tmp_path: Path) -> None:
    told = run_program("tools", "list", "--json", traces=tmp_path).json
    names = [tool["name"] for tool in told]
    assert {"segment_anatomy", "assess_quality", "measure_ctr"} <= set(names)
    text = run_program("tools", "list", traces=tmp_path).out
    assert all(f"{tool['name']} {tool['version']} (built-in " in text for tool in told)


def test_demo(tmp_path: Path) -> None:
    ran = run_program("demo", traces=tmp_path / "traces", cwd=tmp_path)
    assert ran.status == 0, ran.err
    assert "Cardiothoracic ratio 0." in ran.out
    assert "Research use only" in (tmp_path / "demo-report.html").read_text(encoding="utf-8")
    (folder,) = (tmp_path / "traces").iterdir()
    assert str(folder) in ran.out
