"""The frozen runs under ``traces/golden``: readable, intact, and shown as on their first day."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from cxr_agent.trace import Event, list_traces, read_trace, verify
from cxr_agent.trace.line import encode
from cxr_agent.trace.render import to_text

from .golden import ROOT, RUN_ID, SHOWN, VERSION_1, write_run

HEAD = "b442535e8bec22c1d0c0ae6da61d5036285c538b707d0ab00a17682a790f14bb"
"""SHA-256 of the last line: stands for the whole trace."""


def test_version_1_is_intact() -> None:
    verification = verify(read_trace(VERSION_1 / RUN_ID))
    assert verification.problems == ()
    assert verification.finished
    assert not verification.torn
    assert (verification.lines, verification.artifacts) == (10, 3)
    assert verification.head == HEAD


def test_version_1_has_every_kind_of_event() -> None:
    kinds = [type(event) for event in read_trace(VERSION_1 / RUN_ID).events]
    assert kinds[:1] + kinds[-1:] == [get_args(get_args(Event)[0])[place] for place in (0, -1)]
    assert len(set(kinds)) == 10


def test_version_1_is_shown_as_it_was() -> None:
    shown = (VERSION_1 / SHOWN).read_text("utf-8")
    assert to_text(read_trace(VERSION_1 / RUN_ID), full=True) == shown


def test_version_1_is_listed() -> None:
    (header,) = list_traces(VERSION_1)
    assert (header.name, header.status, header.problem) == (RUN_ID, "partial", None)


def test_this_program_still_writes_it_byte_for_byte(tmp_path: Path) -> None:
    """While the schema version is 1; a field added with a default ends this, and only this."""
    write_run(tmp_path / RUN_ID)
    for file in sorted((VERSION_1 / RUN_ID).rglob("*")):
        if file.is_file():
            copy = tmp_path / file.relative_to(VERSION_1)
            assert copy.read_bytes() == file.read_bytes()


def test_lines_are_written_again_as_they_were_read() -> None:
    file = VERSION_1 / RUN_ID / "trace.jsonl"
    lines = read_trace(file).lines
    assert b"".join(encode(line) + b"\n" for line in lines) == file.read_bytes()


def test_golden_traces_are_in_git_and_runs_are_not() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git checkout")

    def ignored(path: str) -> bool:
        command = ["git", "check-ignore", "--quiet", "--no-index", path]
        return subprocess.run(command, cwd=ROOT, check=False).returncode == 0

    run = f"traces/golden/v1/{RUN_ID}"
    kept = ["traces/README.md", f"{run}/trace.jsonl", f"{run}/artifacts/{'0' * 64}"]
    assert [path for path in kept if ignored(path)] == []
    assert ignored("traces/20260101T120000Z-00000001/trace.jsonl")
