"""Deleting runs: whole ones, none in use, nothing that is no run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxr_agent.errors import OutputError
from cxr_agent.trace import RunStarted, TraceWriter, list_traces, read_trace, verify
from cxr_agent.trace import gc as module
from cxr_agent.trace.filters import statuses
from cxr_agent.trace.gc import Collected, Rule, Why, collect
from cxr_agent.trace.line import digest

from .conftest import write_example

ALL = Rule(keep=0)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def gone(found: Collected) -> list[str]:
    return sorted(one.path.name for one in found.removed if one.what == "run")


def age(folder: Path, days: float) -> None:
    then = time.time() - days * 86400
    os.utime(folder / "trace.jsonl", (then, then))


@pytest.fixture
def three(root: Path) -> Path:
    for number in range(3):
        age(write_example(root, f"run-{number}"), 10 * (3 - number))
    return root


def test_without_a_rule_no_run_goes(three: Path) -> None:
    before = files(three)
    assert collect(three, Rule(), delete=True).removed == ()
    assert files(three) == before


def test_a_dry_run_deletes_nothing(three: Path) -> None:
    before = files(three)
    found = collect(three, ALL, delete=False)
    assert gone(found) == ["run-0", "run-1", "run-2"]
    assert found.size == sum(map(len, before.values()))
    assert files(three) == before


def test_rules(three: Path) -> None:
    def named(rule: Rule) -> list[str]:
        return gone(collect(three, rule, delete=False))

    assert named(Rule(older_than_days=15)) == ["run-0", "run-1"]
    assert named(Rule(keep=1)) == ["run-0", "run-1"]
    assert named(Rule(keep=2, older_than_days=15)) == ["run-0"]
    assert named(Rule(statuses=statuses("failed"))) == []
    assert named(Rule(statuses=statuses("partial,failed"), keep=2)) == ["run-0"]


def test_what_goes_is_gone_and_the_rest_is_whole(three: Path) -> None:
    kept = files(three / "run-2")
    found = collect(three, Rule(keep=1), delete=True)
    assert gone(found) == ["run-0", "run-1"]
    assert [path.name for path in three.iterdir()] == ["run-2"]
    assert files(three / "run-2") == kept


def test_a_run_in_use_stays(three: Path) -> None:
    writer, _ = TraceWriter.resume(three / "run-1")
    with writer:
        writer.put(b"for an event that is still to come")
        before = files(three / "run-1")
        found = collect(three, ALL, delete=True)
        assert found.kept == ((three / "run-1", Why.IN_USE),)
        collect(three, Rule(), delete=True)
        assert files(three / "run-1") == before
    assert gone(collect(three, ALL, delete=True)) == ["run-1"]


def test_a_run_without_a_line_is_just_starting(root: Path) -> None:
    with TraceWriter.create(root, "run"):
        assert collect(root, ALL, delete=True).kept == ((root / "run", Why.STARTING),)
    assert (root / "run").exists()
    age(root / "run", 1)
    assert gone(collect(root, ALL, delete=True)) == ["run"]


def test_a_damaged_run_goes_only_where_named(three: Path) -> None:
    (three / "run-1" / "trace.jsonl").write_text("garbage\n")
    assert gone(collect(three, ALL, delete=False)) == ["run-0", "run-2"]
    assert gone(collect(three, Rule(statuses=statuses("damaged")), delete=True)) == ["run-1"]


def test_a_head_that_is_no_plain_file_is_not_ours(root: Path, tmp_path: Path) -> None:
    folder = write_example(root, "run")
    (folder / "head").unlink()
    (folder / "head").symlink_to(tmp_path / "mine")
    assert collect(root, ALL, delete=True).kept == ((folder, Why.OTHER_FILES),)


def test_what_is_no_run_stays(root: Path, tmp_path: Path) -> None:
    outside = write_example(tmp_path / "elsewhere", "outside")
    for name in ("notes", "strange", "linked"):
        write_example(root, name)
    (root / "notes" / "notes.txt").write_text("mine")
    (root / "strange" / "artifacts" / "picture.png").write_text("mine")
    (root / "linked" / "artifacts" / digest(b"")).symlink_to(outside / "trace.jsonl")
    (root / "outside").symlink_to(outside)
    (root / "project" / "artifacts").mkdir(parents=True)
    (root / "project" / "artifacts" / "build.log").write_text("mine")
    (root / ".tmp-run-mine").mkdir()
    (root / "README.md").write_text("mine")
    before = files(root), files(outside)
    found = collect(root, Rule(statuses=statuses("partial,damaged")), delete=True)
    assert found.removed == ()
    assert {path.name: why for path, why in found.kept} == dict.fromkeys(
        ("notes", "strange", "linked", "outside", "project"), Why.OTHER_FILES
    )
    assert (files(root), files(outside)) == before
    assert (root / "outside").is_symlink()


def test_files_that_nothing_points_to(folder: Path, root: Path) -> None:
    before = files(folder)
    orphan = folder / "artifacts" / digest(b"nobody's")
    orphan.write_bytes(b"nobody's")
    (folder / "artifacts" / ".tmp-0123").write_bytes(b"half")
    (folder / "overlays").mkdir()
    (folder / "overlays" / "img-1-e1.png").write_bytes(b"kept")
    found = collect(root, Rule(), delete=True)
    assert [(one.what, one.size) for one in found.removed] == [("temporary", 4), ("artifact", 8)]
    assert found.size == 12
    assert files(folder) == before | {"overlays/img-1-e1.png": b"kept"}
    assert verify(read_trace(folder)).intact


def test_of_a_damaged_run_no_artifact_goes(folder: Path, root: Path, lines: Path) -> None:
    orphan = folder / "artifacts" / digest(b"nobody's")
    orphan.write_bytes(b"nobody's")
    lines.write_bytes(lines.read_bytes() + b"garbage\n")
    assert collect(root, Rule(), delete=True).removed == ()
    assert orphan.exists()


def test_no_folder_of_traces(tmp_path: Path) -> None:
    assert collect(tmp_path / "none", ALL, delete=True) == Collected((), ())


def test_a_failure_leaves_the_run_out_of_sight_and_the_next_time_ends_it(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, **_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(module.shutil, "rmtree", full)
        with pytest.raises(OutputError):
            collect(three, Rule(keep=2), delete=True)
    assert [header.name for header in list_traces(three)] == ["run-2", "run-1"]
    found = collect(three, Rule(), delete=True)
    assert [one.what for one in found.removed] == ["temporary"]
    assert {path.name for path in three.iterdir()} == {"run-1", "run-2"}


KILLED = """
import sys
from pathlib import Path
from cxr_agent.trace.gc import Rule, collect

print("ready", flush=True)
sys.stdin.readline()
collect(Path(sys.argv[1]), Rule(keep=3), delete=True)
"""


@pytest.mark.parametrize("number", range(6))
def test_kill_9_leaves_every_remaining_run_whole(root: Path, number: int) -> None:
    for place in range(12):
        folder = write_example(root, f"run-{place:02}")
        for more in range(40):  # so that deleting takes a while
            data = f"{place} {more}".encode()
            (folder / "artifacts" / digest(data)).write_bytes(data)
    kept = {f"run-{place:02}": files(root / f"run-{place:02}") for place in range(12)}
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdout.readline()
    child.stdin.write(b"\n")
    child.stdin.flush()
    time.sleep(random.uniform(0, 0.03))
    child.kill()
    child.communicate(timeout=30)
    for header in list_traces(root):
        left = files(header.directory)
        named = read_trace(header.directory)
        assert verify(named).intact
        assert left["trace.jsonl"] == kept[header.name]["trace.jsonl"]
        assert left.items() <= kept[header.name].items()
    assert {"run-09", "run-10", "run-11"} <= {header.name for header in list_traces(root)}
    collect(root, Rule(keep=3), delete=True)
    assert {path.name for path in root.iterdir()} == {"run-09", "run-10", "run-11"}


def test_two_at_once(root: Path) -> None:
    for place in range(8):
        write_example(root, f"run-{place}")
    children = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    for child in children:
        child.communicate(b"\n", timeout=60)
        assert child.returncode == 0
    assert {path.name for path in root.iterdir()} == {"run-5", "run-6", "run-7"}


def test_the_hash_of_an_artifact_in_a_result_counts(root: Path) -> None:
    with TraceWriter.create(root, "run") as writer:
        sha = writer.put(b"told in the configuration")
        writer.append(
            RunStarted(run_id="run", program_version="1", planner="p", config={"picture": sha})
        )
    assert collect(root, Rule(), delete=True).removed == ()
    assert read_trace(root / "run").artifact(sha) == b"told in the configuration"
