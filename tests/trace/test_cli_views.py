"""``trace list``, ``show``, ``diff`` and ``gc`` with their options, in this process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cxr_agent.errors import TraceError, UsageError
from cxr_agent.trace import RunFinished, RunStarted, TraceWriter, read_trace
from cxr_agent.trace.render import to_text
from cxr_agent.trace.render_steps import HEAD, steps_text

from .conftest import write_example
from .example import COUNT, RUN_ID
from .golden import SHOWN, VERSION_1, VERSION_2
from .test_cli import call, call_json
from .test_render import HOSTILE, is_plain


def refused(root: Path, *arguments: str) -> str:
    with pytest.raises(UsageError) as caught:
        call(root, *arguments)
    return caught.value.code


@pytest.fixture
def two(root: Path, folder: Path) -> Path:
    """The example, and a run of another planner that is not finished."""
    with TraceWriter.create(root, "run-2") as writer:
        writer.append(RunStarted(run_id="run-2", program_version="1", planner="protocol 6"))
    return root


def listed(root: Path, *arguments: str) -> list[str]:
    names = [line.split()[0] for line in call(root, "list", *arguments).stdout.splitlines()]
    assert [header["name"] for header in call_json(root, "list", *arguments)] == names
    return names


def test_list_with_filters(two: Path) -> None:
    assert listed(two) == ["run-2", "run-1"]
    assert listed(two, "--limit", "1") == ["run-2"]
    assert listed(two, "--planner", "llm") == ["run-1"]
    assert listed(two, "--status", "unfinished,failed") == ["run-2"]
    assert listed(two, "--slower", "2") == ["run-1"]
    assert listed(two, "--faster", "2") == []
    assert listed(two, "--since", "2000-01-01", "--until", "2001-01-01") == []
    assert listed(two, "--since", "2000-01-01") == ["run-2", "run-1"]
    assert listed(two, "--finding", "cardiomegaly=absent") == ["run-1"]
    assert listed(two, "--finding", "cardiomegaly=present") == []


def test_list_refuses_what_it_does_not_understand(two: Path) -> None:
    assert refused(two, "list", "--since", "soon") == "bad_date"
    assert refused(two, "list", "--status", "fine") == "bad_status"
    assert refused(two, "list", "--finding", "heart=large") == "bad_finding"


def test_show_steps(root: Path, folder: Path) -> None:
    assert call(root, "show", "--steps").stdout == steps_text(read_trace(folder))
    shown = call_json(root, "show", "--steps")
    assert shown["run_id"] == "run-1"
    assert [step["tool"] for step in shown["steps"]][:1] == ["cardiothoracic_ratio"]


def test_show_one_step(root: Path, folder: Path) -> None:
    text = call(root, "show", "--step", "1").stdout
    assert text.startswith("Step 1: cardiothoracic_ratio, ok\n")
    assert "ratio: 0.58" in text
    shown = call_json(root, "show", "--step", "1")
    assert shown["films"] == ["img-1"]
    assert [line["event"]["type"] for line in shown["lines"]] == [
        "model_called",
        "plan",
        "tool_called",
        "tool_returned",
        "evidence_added",
    ]
    assert refused(root, "show", "--step", "9") == "no_such_step"
    assert refused(root, "show", "--step", "1", "--follow") == "one_view"


def test_follow_a_run_that_is_over(root: Path, folder: Path) -> None:
    assert call(root, "show", "--follow").stdout == to_text(read_trace(folder))
    assert call(root, "show", "--follow", "--full").stdout == to_text(read_trace(folder), full=True)
    lines = call(root, "show", "--follow", "--json").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, COUNT + 1))
    steps = call(root, "show", "--follow", "--steps").stdout.splitlines()
    assert steps[0] == HEAD
    assert steps == steps_text(read_trace(folder)).splitlines()[:-1]
    records = call(root, "show", "--follow", "--steps", "--json").stdout.splitlines()
    assert [json.loads(line)["step"] for line in records] == [1, 2, 3]


@pytest.mark.parametrize("version", [VERSION_1, VERSION_2], ids=lambda folder: folder.name)
def test_follow_a_golden_trace(version: Path) -> None:
    shown = call(version, "show", "--follow", "--full").stdout
    assert shown.encode() == (version / SHOWN).read_bytes()


def test_diff(root: Path, folder: Path, tmp_path: Path) -> None:
    write_example(root, "run-2")
    same = call(root, "diff", "run-1", "run-2")
    assert same.return_value == 0
    assert "no difference" in same.stdout
    page = tmp_path / "new" / "diff.html"
    old = str(VERSION_1 / RUN_ID)
    differs = call(root, "diff", old, "run-1", "--html", str(page))
    assert differs.return_value == 1
    assert "  + [step 2] correction of heart on img-1\n" in differs.stdout
    assert "  ~ planner: protocol -> llm\n" in differs.stdout
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    told = call_json(root, "diff", old, "run-1")
    assert told["different"] is True
    assert told["b"]["run_id"] == "run-1"
    assert {"part", "how", "name", "a", "b", "changes", "gave"} == set(told["differences"][0])
    assert told["same"]["sentences"] == 1
    ignored = "settings,steps,evidence,answers,outcome"
    assert call(root, "diff", old, "run-1", "--ignore", ignored).return_value == 0


def test_diff_refuses(root: Path, folder: Path) -> None:
    assert refused(root, "diff", "run-1", "run-1", "--ignore", "colour") == "bad_part"
    with pytest.raises(TraceError):
        call(root, "diff", "run-1", "nothing")


def test_gc(two: Path) -> None:
    dry = call(two, "gc", "--keep", "1")
    assert "would be freed" in dry.stdout
    assert "run-1" in dry.stdout
    assert (two / "run-1").exists()
    told = call_json(two, "gc", "--keep", "1", "--yes")
    assert told["deleted"] is True
    assert [(one["what"], one["path"]) for one in told["removed"]] == [("run", str(two / "run-1"))]
    assert told["bytes"] > 1000
    assert [path.name for path in two.iterdir()] == ["run-2"]
    assert call_json(two, "gc", "--older-than", "1", "--status", "unfinished")["removed"] == []
    assert refused(two, "gc", "--dry-run", "--yes") == "dry_run_or_yes"
    assert refused(two, "gc", "--status", "fine") == "bad_status"


def test_data_do_not_steer_the_terminal(root: Path, folder: Path) -> None:
    with TraceWriter.create(root, "hostile") as writer:
        writer.append(RunStarted(run_id=HOSTILE, program_version=HOSTILE, planner=HOSTILE))
        for event in read_trace(folder).events[1:]:
            text = json.dumps(event.model_dump(mode="json")).replace(
                "cardiothoracic_ratio", json.dumps(HOSTILE)[1:-1]
            )
            writer.append(type(event).model_validate_json(text))
        writer.append(RunFinished(status="complete", seconds=1))
    for arguments in (
        ("show", "hostile", "--steps"),
        ("show", "hostile", "--step", "1"),
        ("show", "hostile", "--follow"),
        ("diff", "hostile", "run-1"),
        ("list", "--planner", "e"),
    ):
        assert is_plain(call(root, *arguments).stdout), arguments
    shutil.copytree(folder, root / "a\x1b[2Jb\n")
    assert is_plain(call(root, "gc", "--keep", "0").stdout)
