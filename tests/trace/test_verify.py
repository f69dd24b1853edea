"""What verify finds: each kind of tampering by its code and its line."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from cxr_agent.trace import RunFinished, RunStarted, TraceWriter, Verification, read_trace, verify
from cxr_agent.trace.line import Line, digest, encode

from .golden import OUTLINES, PICTURE, example_events

COUNT = 10


def check(folder: Path) -> Verification:
    return verify(read_trace(folder))


def found(folder: Path) -> list[tuple[str, int | None]]:
    verification = check(folder)
    assert verification.intact is (not verification.problems)
    return [(problem.code, problem.line) for problem in verification.problems]


def load(file: Path) -> list[bytes]:
    return file.read_bytes().split(b"\n")[:-1]


def save(file: Path, lines: list[bytes]) -> None:
    file.write_bytes(b"".join(line + b"\n" for line in lines))


def later(line: bytes) -> bytes:
    """The line with another wall time: still valid, no longer the same."""
    return re.sub(rb'"time":"\d{4}', b'"time":"2031', line)


def test_untouched(folder: Path, lines: Path) -> None:
    verification = check(folder)
    assert verification.intact
    assert verification.finished
    assert not verification.torn
    assert (verification.run_id, verification.lines, verification.artifacts) == ("run-1", COUNT, 3)
    assert verification.head == digest(load(lines)[-1])


@pytest.mark.parametrize("number", range(1, COUNT))
def test_changed_line(folder: Path, lines: Path, number: int) -> None:
    changed = load(lines)
    changed[number - 1] = later(changed[number - 1])
    save(lines, changed)
    assert found(folder) == [("line_changed", number)]


def test_changed_white_space_is_a_change(folder: Path, lines: Path) -> None:
    changed = load(lines)
    changed[3] += b" "
    save(lines, changed)
    assert found(folder) == [("line_changed", 4)]


def test_changed_last_line_shows_only_in_the_head(folder: Path, lines: Path) -> None:
    before = check(folder).head
    changed = load(lines)
    save(lines, [*changed[:-1], later(changed[-1])])
    assert found(folder) == []
    assert check(folder).head != before


@pytest.mark.parametrize("number", range(2, COUNT))
def test_removed_line(folder: Path, lines: Path, number: int) -> None:
    left = load(lines)
    del left[number - 1]
    save(lines, left)
    assert found(folder) == [("line_missing", number)]
    assert f"line {number} of the run is missing" in check(folder).problems[0].message


def test_removed_first_line(folder: Path, lines: Path) -> None:
    save(lines, load(lines)[1:])
    assert found(folder) == [("line_missing", 1), ("no_start", None)]


def test_removed_lines(folder: Path, lines: Path) -> None:
    kept = load(lines)
    save(lines, [*kept[:3], *kept[6:]])
    assert found(folder) == [("line_missing", 4)]
    assert check(folder).problems[0].message == "lines 4 to 6 of the run are missing"


def test_removed_end_is_an_unfinished_run(folder: Path, lines: Path) -> None:
    save(lines, load(lines)[:-2])
    verification = check(folder)
    assert verification.intact
    assert not verification.finished


@pytest.mark.parametrize("number", range(1, COUNT))
def test_swapped_lines(folder: Path, lines: Path, number: int) -> None:
    swapped = load(lines)
    swapped[number - 1], swapped[number] = swapped[number], swapped[number - 1]
    save(lines, swapped)
    codes = found(folder)
    assert ("line_moved", number) in codes
    assert ("line_moved", number + 1) in codes


def test_repeated_line(folder: Path, lines: Path) -> None:
    repeated = load(lines)
    save(lines, [*repeated[:5], repeated[4], *repeated[5:]])
    assert ("line_moved", 6) in found(folder)


def test_line_put_in_with_all_later_numbers_raised(folder: Path, lines: Path) -> None:
    old = [Line.model_validate_json(line) for line in load(lines)]
    raised = [line.model_copy(update={"seq": line.seq + 1}) for line in old[4:]]
    forged = old[3].model_copy(update={"seq": 5, "previous": digest(encode(old[3]))})
    save(lines, [*map(encode, [*old[:4], forged, *raised])])
    assert found(folder)[0] == ("line_changed", 5)


def test_chain_that_does_not_begin(folder: Path, lines: Path) -> None:
    changed = load(lines)
    changed[0] = changed[0].replace(b'"previous":"0', b'"previous":"1')
    save(lines, changed)
    assert found(folder) == [("line_changed", 1), ("line_changed", 1)]


@pytest.mark.parametrize("number", [2**40, 2**62, 10**30])
def test_huge_number_is_answered_at_once(folder: Path, lines: Path, number: int) -> None:
    changed = load(lines)
    changed[4] = re.sub(rb'"seq":5', b'"seq":%d' % number, changed[4])
    save(lines, changed)
    codes = found(folder)
    assert ("line_missing", 5) in codes
    assert ("line_missing", 6) in codes
    assert str(number - 1) in check(folder).problems[0].message


def test_clock_that_goes_back(folder: Path, lines: Path) -> None:
    changed = load(lines)
    changed[4] = re.sub(rb'"monotonic":[0-9.e+]+', b'"monotonic":-1.0', changed[4])
    save(lines, changed)
    assert found(folder) == [("line_changed", 5), ("clock_backwards", 5)]


@pytest.mark.parametrize(("data", "what"), [(PICTURE, "display of img-1"), (OUTLINES, "lines of")])
def test_changed_or_missing_artifact(folder: Path, data: bytes, what: str) -> None:
    file = folder / "artifacts" / digest(data)
    for code, spoil in (
        ("artifact_damaged", lambda: file.write_bytes(data + b" ")),
        ("artifact_damaged", lambda: file.write_bytes(b"")),
        ("artifact_missing", file.unlink),
    ):
        spoil()
        (problem,) = check(folder).problems
        assert problem.code == code
        assert problem.artifact == digest(data)
        assert problem.line in (2, 5)
        assert what in problem.message


def test_removed_artifacts_are_named_one_by_one(folder: Path) -> None:
    for file in (folder / "artifacts").iterdir():
        file.unlink()
    (folder / "artifacts").rmdir()
    assert [code for code, _ in found(folder)] == ["artifact_missing"] * 3


def test_run_that_starts_or_ends_twice(root: Path) -> None:
    start = RunStarted(run_id="r", program_version="1", planner="protocol")
    end = RunFinished(status="complete", seconds=1)
    with TraceWriter.create(root) as writer:
        for event in (start, start, end, end):
            writer.append(event)
    assert found(writer.directory) == [("second_start", 2), ("after_end", 3)]


def test_empty_trace(root: Path) -> None:
    TraceWriter.create(root, "run").close()
    assert found(root / "run") == [("no_start", None)]


def test_running_run_is_intact(root: Path) -> None:
    with TraceWriter.create(root) as writer:
        for event in example_events(writer.put)[:6]:
            writer.append(event)
        verification = check(writer.directory)
    assert verification.intact
    assert not verification.finished


def test_monotonic_time_never_goes_back(folder: Path) -> None:
    lines = read_trace(folder).lines
    assert all(before.monotonic <= after.monotonic for before, after in pairwise(lines))
