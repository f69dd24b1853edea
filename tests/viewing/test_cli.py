"""``cxr-agent trace view``, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxr_agent.errors import OutputError, TraceError
from tests.trace.test_cli import call, program


def test_view_writes_one_file(
    traces: Path, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(traces, "view").stdout == "Page: trace-drawn.html\n"
    written = (tmp_path / "trace-drawn.html").read_bytes()
    assert written.startswith(b"<!DOCTYPE html>")
    out = tmp_path / "deep" / "page.html"
    told = json.loads(call(traces, "view", "dra", "--out", str(out), "--json").stdout)
    assert told == {"run": "drawn", "file": str(out), "bytes": len(written)}
    assert out.read_bytes() == written


def test_view_of_a_damaged_run_is_written_and_says_so(
    traces: Path, reading: Path, tmp_path: Path
) -> None:
    (reading / "trace.jsonl").write_bytes(b"garbage\n")
    out = tmp_path / "page.html"
    call(traces, "view", "--out", str(out))
    assert "trace_damaged" in out.read_text()


def test_view_refuses_in_one_line(traces: Path, drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="trace_not_found"):
        call(traces, "view", "nothing")
    with pytest.raises(OutputError, match="output_not_writable"):
        call(traces, "view", "--out", str(drawn / "trace.jsonl" / "page.html"))
    done = program(traces / "none", "serve", str(traces / "none"))
    assert (done.returncode, done.stdout) == (8, "")
    assert done.stderr.startswith("cxr-agent: [trace_not_found] ")
