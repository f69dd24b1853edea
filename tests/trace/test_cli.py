"""``cxr-agent trace``: in this process, and as a program for its exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cxr_agent.cli.trace import app
from cxr_agent.errors import TraceError
from cxr_agent.trace import GateVerdict, RunStarted, ToolReturned, TraceWriter, read_trace
from cxr_agent.trace.layout import HEAD
from cxr_agent.trace.line import digest
from cxr_agent.trace.render import to_text
from cxr_agent.trace.schema import json_schema
from tests.cli.program import ROOT, environment

from .conftest import write_example
from .example import ARTIFACTS_KEPT, COUNT, PICTURE
from .golden import SHOWN, VERSION_1, VERSION_2
from .test_render import HOSTILE, is_plain


def call(root: Path, *arguments: str) -> Result:
    """One command; what it raises is raised here."""
    return CliRunner().invoke(
        app,
        arguments,
        env={"CXR_AGENT_TRACES": str(root)},
        standalone_mode=False,
        catch_exceptions=False,
    )


def call_json(root: Path, *arguments: str) -> Any:
    return json.loads(call(root, *arguments, "--json").stdout)


def program(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cxr_agent.cli.main", "trace", *arguments],
        capture_output=True,
        text=True,
        env=environment(root),
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def tamper(lines: Path) -> None:
    lines.write_bytes(lines.read_bytes().replace(b'"cardiomegaly"', b'"pneumothorax"', 1))


@pytest.fixture
def hostile(root: Path) -> Path:
    """A run whose data try to steer the terminal, with an artifact missing."""
    with TraceWriter.create(root, "hostile") as writer:
        writer.append(RunStarted(run_id=HOSTILE, program_version=HOSTILE, planner=HOSTILE))
        writer.append(
            ToolReturned(
                step=1, tool=HOSTILE, outcome="ok", seconds=0, artifacts={HOSTILE: digest(b"")}
            )
        )
        writer.append(GateVerdict(gate="g", passed=False, sentence=HOSTILE, action="dropped"))
    return root


def test_list(root: Path, folder: Path) -> None:
    write_example(root, "run-2")
    with TraceWriter.create(root, "run-3") as writer:
        writer.append(RunStarted(run_id="run-3", program_version="1", planner="llm"))
    (root / "run-2" / "trace.jsonl").write_text("garbage\n")
    shown = {line.split()[0]: line for line in call(root, "list").stdout.splitlines()}
    assert set(shown) == {"run-1", "run-2", "run-3"}
    assert shown["run-1"].split()[1:] == ["partial", "2.5", "s", "llm"]
    assert "trace_damaged" in shown["run-2"]
    assert "not finished" in shown["run-3"]

    listed = {header["name"]: header for header in call_json(root, "list")}
    assert listed["run-1"]["directory"] == str(folder)
    assert listed["run-1"]["status"] == "partial"
    assert listed["run-2"]["problem"] == "trace_damaged"
    assert listed["run-3"]["status"] is None


def test_list_of_nothing(tmp_path: Path) -> None:
    assert call(tmp_path / "none", "list").stdout == ""
    assert call_json(tmp_path / "none", "list") == []


def test_option_goes_before_the_environment(root: Path, folder: Path, tmp_path: Path) -> None:
    found = call(tmp_path / "elsewhere", "list", "--traces", str(root)).stdout
    assert found.startswith(folder.name)


@pytest.mark.parametrize("name", [(), ("last",), ("run-1",), ("ru",)])
def test_show(root: Path, folder: Path, name: tuple[str, ...]) -> None:
    trace = read_trace(folder)
    assert call(root, "show", *name).stdout == to_text(trace)
    assert call(root, "show", *name, "--full").stdout == to_text(trace, full=True)


def test_show_as_json(root: Path, lines: Path) -> None:
    shown = call_json(root, "show")
    records = [json.loads(line) for line in lines.read_bytes().split(b"\n")[:-1]]
    assert shown == {"run_id": "run-1", "torn": False, "lines": records}
    lines.write_bytes(lines.read_bytes()[:-1])
    shown = call_json(root, "show")
    assert shown["torn"] is True
    assert shown["lines"] == records[:-1]


def test_verify(root: Path, lines: Path) -> None:
    result = call(root, "verify")
    head = digest(lines.read_bytes().split(b"\n")[-2])
    assert result.return_value == 0
    assert result.stdout == f"run-1: intact, {COUNT} lines, {ARTIFACTS_KEPT} files\nhead {head}\n"
    found = call_json(root, "verify")
    assert found["intact"] is True
    assert found["problems"] == []
    assert found["head"] == head
    assert found["sealed"] is True


def test_verify_unfinished_and_torn(root: Path, folder: Path, lines: Path) -> None:
    lines.write_bytes(lines.read_bytes()[:-1])
    result = call(root, "verify")
    assert result.return_value == 8
    assert f"! [end_missing] line {COUNT} of the run is missing at its end" in result.stdout
    (folder / HEAD).unlink()  # as a kill leaves it
    result = call(root, "verify")
    assert result.return_value == 0
    how = "intact, not finished, last line torn, end not sealed"
    assert f"{how}, {COUNT - 1} lines" in result.stdout
    assert call_json(root, "verify")["sealed"] is False


def test_verify_tampered(root: Path, folder: Path, lines: Path) -> None:
    tamper(lines)
    result = call(root, "verify")
    assert result.return_value == 8
    assert "! line 7: [line_changed] " in result.stdout
    assert f"run-1: 1 problem, {COUNT} lines" in result.stdout
    (folder / "artifacts" / digest(PICTURE)).unlink()
    result = call(root, "verify", "--json")
    assert result.return_value == 8
    found = json.loads(result.stdout)
    assert found["intact"] is False
    assert [problem["code"] for problem in found["problems"]] == [
        "line_changed",
        "artifact_missing",
    ]
    assert found["problems"][1]["artifact"] == digest(PICTURE)
    assert "2 problems" in call(root, "verify").stdout


def test_schema(root: Path) -> None:
    assert json.loads(call(root, "schema").stdout) == json_schema()


@pytest.mark.parametrize("command", ["show", "verify"])
def test_refusals(root: Path, folder: Path, command: str) -> None:
    write_example(root, "run-2")
    (folder / "trace.jsonl").write_text("garbage\n")
    for name, code in (
        ("nothing", "trace_not_found"),
        ("run", "trace_ambiguous"),
        ("run-1", "trace_damaged"),
        ("x" * 5000, "trace_not_readable"),
    ):
        with pytest.raises(TraceError) as caught:
            call(root, command, name)
        assert caught.value.code == code


@pytest.mark.parametrize("command", [("list",), ("show", "--full"), ("verify",)])
@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_data_do_not_steer_the_terminal(
    hostile: Path, command: tuple[str, ...], as_json: tuple[str, ...]
) -> None:
    assert is_plain(call(hostile, *command, *as_json).stdout)


def test_folder_name_does_not_steer_the_terminal(root: Path, folder: Path) -> None:
    folder.rename(root / "a\x1b[2Jb\n")
    assert is_plain(call(root, "list").stdout)


def test_program(root: Path, lines: Path) -> None:
    """Statuses that a script sees."""
    fine = program(root, "verify")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert "run-1: intact" in fine.stdout
    assert program(root, "show", "run-1").stdout == to_text(read_trace(lines))

    tamper(lines)
    tampered = program(root, "verify", "--json")
    assert tampered.returncode == 8
    assert json.loads(tampered.stdout)["intact"] is False

    lines.write_text("garbage\n")
    damaged = program(root, "show")
    assert (damaged.returncode, damaged.stdout) == (8, "")
    assert damaged.stderr.startswith("cxr-agent: [trace_damaged] line 1 ")
    assert "\n  next: " in damaged.stderr


@pytest.mark.parametrize("version", [VERSION_1, VERSION_2], ids=lambda folder: folder.name)
def test_program_on_a_golden_trace(version: Path) -> None:
    golden = program(version, "show", "last", "--full")
    assert golden.returncode == 0
    assert golden.stdout == (version / SHOWN).read_text("utf-8")
