"""The frozen runs under ``traces/golden``: readable, intact, and shown as on their first day."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from cxr_agent.errors import TraceError
from cxr_agent.trace import SCHEMA_VERSION, Event, RunFinished, list_traces, read_trace, verify
from cxr_agent.trace.line import digest, encode
from cxr_agent.trace.render import to_text

from .example import ARTIFACTS_KEPT, COUNT, RUN_ID
from .golden import GOLDEN, ROOT, SHOWN, VERSION_1, VERSION_2, write_run

HEADS = {
    "v1": "b442535e8bec22c1d0c0ae6da61d5036285c538b707d0ab00a17682a790f14bb",
    "v2": "ee6149e19b0d25acb731649fe651fcc0ae2935c5a9edf193237d425a6dc2131a",
}
"""SHA-256 of the last line: stands for the whole trace."""
SIZES = {"v1": (10, 3), "v2": (COUNT, ARTIFACTS_KEPT)}
"""Lines and artifacts."""
SHOWN_DIGESTS = {
    "v1": "fedda276779364bc4215d026271dde02cbf8bbfc7caaf82d3aa5264d0ebddc1a",
    "v2": "abf03f6fad540d7a4de1ccdc7149efe2fc12d01f2e5836da33700613472f2714",
}
"""SHA-256 of ``show.txt``: a change of the view must not be hidden by writing it anew."""
KINDS = get_args(get_args(Event)[0])

versions = pytest.mark.parametrize("version", [VERSION_1, VERSION_2], ids=lambda path: path.name)


def test_there_is_one_of_each_version() -> None:
    assert {folder.name for folder in GOLDEN.iterdir()} == set(HEADS)
    assert len(HEADS) == SCHEMA_VERSION
    for number, name in enumerate(sorted(HEADS), 1):
        started = read_trace(GOLDEN / name / RUN_ID).started
        assert started is not None
        assert started.schema_version == number


@versions
def test_is_intact(version: Path) -> None:
    verification = verify(read_trace(version / RUN_ID))
    assert verification.problems == ()
    assert verification.finished
    assert not verification.torn
    assert not verification.sealed  # they are older than head files
    assert (verification.lines, verification.artifacts) == SIZES[version.name]
    assert verification.head == HEADS[version.name]


def test_version_1_has_every_kind_of_event_that_there_was() -> None:
    assert [event.type for event in read_trace(VERSION_1 / RUN_ID).events] == [
        "run_started",
        "study_loaded",
        "plan",
        "tool_called",
        "tool_returned",
        "evidence_added",
        "conflict",
        "report_drafted",
        "gate_verdict",
        "run_finished",
    ]


def test_version_2_has_every_kind_of_event_and_ends_twice() -> None:
    kinds = [type(event) for event in read_trace(VERSION_2 / RUN_ID).events]
    assert set(kinds) == set(KINDS)
    assert kinds.count(RunFinished) == 2


@versions
def test_is_shown_as_it_was(version: Path) -> None:
    shown = (version / SHOWN).read_bytes()
    assert digest(shown) == SHOWN_DIGESTS[version.name]
    assert to_text(read_trace(version / RUN_ID), full=True).encode() == shown


@versions
def test_a_version_of_the_future_is_one_clear_error(version: Path, tmp_path: Path) -> None:
    """Whatever else it changed: the version stands in the first line, and that is enough."""
    lines = (version / RUN_ID / "trace.jsonl").read_bytes().split(b"\n")
    first = json.loads(lines[0])
    first["event"] |= {"schema_version": SCHEMA_VERSION + 1, "new": {"field": 1}}
    (tmp_path / "run").mkdir()
    file = tmp_path / "run" / "trace.jsonl"
    file.write_bytes(b"\n".join([json.dumps(first).encode(), *lines[1:]]))
    with pytest.raises(TraceError) as caught:
        read_trace(file)
    assert caught.value.code == "trace_schema"
    assert f"version {SCHEMA_VERSION + 1}" in caught.value.message
    assert f"reads 1 to {SCHEMA_VERSION}" in caught.value.message
    assert "newer version" in caught.value.hint
    (header,) = list_traces(tmp_path)
    assert header.problem == "trace_schema"


@versions
def test_is_listed(version: Path) -> None:
    (header,) = list_traces(version)
    assert (header.name, header.status, header.problem) == (RUN_ID, "partial", None)


@versions
def test_lines_are_written_again_as_they_were_read(version: Path) -> None:
    file = version / RUN_ID / "trace.jsonl"
    lines = read_trace(file).lines
    assert b"".join(encode(line) + b"\n" for line in lines) == file.read_bytes()


def test_this_program_still_writes_version_2_byte_for_byte(tmp_path: Path) -> None:
    """While the schema version is 2; a field added with a default ends this, and only this."""
    write_run(tmp_path / RUN_ID)
    kept = {
        file.relative_to(VERSION_2): file.read_bytes()
        for file in (VERSION_2 / RUN_ID).rglob("*")
        if file.is_file()
    }
    written = {
        file.relative_to(tmp_path): file.read_bytes()
        for file in tmp_path.rglob("*")
        if file.is_file()
    }
    assert written == kept


def test_golden_traces_are_in_git_and_runs_are_not() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git checkout")

    def ignored(path: str) -> bool:
        command = ["git", "check-ignore", "--quiet", "--no-index", path]
        return subprocess.run(command, cwd=ROOT, check=False).returncode == 0

    runs = [f"traces/golden/{name}/{RUN_ID}" for name in HEADS]
    files = ["trace.jsonl", f"artifacts/{'0' * 64}"]
    kept = ["traces/README.md", *(f"{run}/{file}" for run in runs for file in files)]
    assert [path for path in kept if ignored(path)] == []
    assert ignored("traces/20260101T120000Z-00000001/trace.jsonl")
