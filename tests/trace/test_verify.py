"""What verify finds: each kind of tampering by its code and its line."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from cxr_agent.trace import (
    Event,
    ReportIssued,
    RunFinished,
    RunResumed,
    RunStarted,
    TraceWriter,
    Verification,
    read_trace,
    verify,
)
from cxr_agent.trace.layout import HEAD
from cxr_agent.trace.line import GENESIS, Line, digest, encode

from .example import ARTIFACTS_KEPT, COUNT, OUTLINES, PICTURE, example_events

RESUMED = 12
"""Line of the example where it is resumed."""
TIME = "2026-01-01T12:00:00.000000Z"
START = RunStarted(run_id="r", program_version="1", planner="protocol")
END = RunFinished(status="complete", seconds=1)
AGAIN = RunResumed(program_version="1", planner="protocol")
ISSUED = ReportIssued(report_sha256=digest(PICTURE), status="complete")


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
    assert (verification.lines, verification.artifacts) == (COUNT, ARTIFACTS_KEPT)
    assert verification.run_id == "run-1"
    assert verification.head == digest(load(lines)[-1])


@pytest.mark.parametrize("number", range(1, COUNT + 1))
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


def test_changed_last_line_of_an_unsealed_run_shows_only_in_its_hash(
    folder: Path, lines: Path
) -> None:
    before = check(folder).head
    changed = load(lines)
    save(lines, [*changed[:-1], later(changed[-1])])
    (folder / HEAD).unlink()
    assert found(folder) == []
    assert not check(folder).sealed
    assert check(folder).head != before


@pytest.mark.parametrize("number", range(2, COUNT))
def test_removed_line(folder: Path, lines: Path, number: int) -> None:
    left = load(lines)
    del left[number - 1]
    save(lines, left)
    # Without its run_resumed, a run goes on after its end.
    further = [("after_end", number - 1)] if number == RESUMED else []
    assert found(folder) == [("line_missing", number), *further]
    assert f"line {number} of the run is missing" in check(folder).problems[0].message


def test_removed_first_line(folder: Path, lines: Path) -> None:
    save(lines, load(lines)[1:])
    assert found(folder) == [("line_missing", 1), ("no_start", None)]


def test_removed_lines(folder: Path, lines: Path) -> None:
    kept = load(lines)
    save(lines, [*kept[:3], *kept[6:]])
    assert found(folder) == [("line_missing", 4)]
    assert check(folder).problems[0].message == "lines 4 to 6 of the run are missing"


def test_removed_end_of_an_unsealed_run_is_an_unfinished_run(folder: Path, lines: Path) -> None:
    save(lines, load(lines)[:-2])
    assert found(folder) == [("end_missing", None)]
    assert "lines 19 to 20" in check(folder).problems[0].message
    (folder / HEAD).unlink()
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
        assert problem.line in (2, 6)
        assert what in problem.message


def test_removed_artifacts_are_named_one_by_one(folder: Path) -> None:
    for file in (folder / "artifacts").iterdir():
        file.unlink()
    (folder / "artifacts").rmdir()
    assert [code for code, _ in found(folder)] == ["artifact_missing"] * ARTIFACTS_KEPT


def test_run_that_starts_or_ends_twice(root: Path) -> None:
    with TraceWriter.create(root) as writer:
        for event in (START, START, END, END):
            writer.append(event)
    assert found(writer.directory) == [("second_start", 2), ("after_end", 3)]


@pytest.mark.parametrize(
    ("events", "problems"),
    [
        ((START, END, AGAIN, END), []),
        ((START, END, AGAIN), []),
        ((START, AGAIN, END), []),
        ((START, END, AGAIN, AGAIN, ISSUED, END, AGAIN, END), []),
        ((START, END, ISSUED), [("after_end", 2)]),
        ((START, END, ISSUED, AGAIN, END), [("after_end", 2)]),
        ((START, END, AGAIN, END, END), [("after_end", 4)]),
        ((START, END, START), [("second_start", 3), ("after_end", 2)]),
        ((AGAIN, END), [("no_start", None)]),
    ],
    ids=lambda value: " ".join(e.type for e in value) if isinstance(value, tuple) else None,
)
def test_only_resuming_may_follow_the_end(
    root: Path, events: tuple[Event, ...], problems: list[tuple[str, int | None]]
) -> None:
    with TraceWriter.create(root) as writer:
        writer.put(PICTURE)
        for event in events:
            writer.append(event)
    assert sorted(found(writer.directory), key=str) == sorted(problems, key=str)
    assert check(writer.directory).finished is (events[-1] is END)


def at_times(folder: Path, times: list[float], events: tuple[Event, ...]) -> None:
    """A run in a chain that holds, at these monotonic times."""
    previous, encoded = GENESIS, []
    for seq, (monotonic, event) in enumerate(zip(times, events, strict=True), 1):
        line = Line(seq=seq, time=TIME, monotonic=monotonic, previous=previous, event=event)
        encoded.append(encode(line))
        previous = digest(encoded[-1])
    folder.mkdir(parents=True)
    save(folder / "trace.jsonl", encoded)


@pytest.mark.parametrize(
    ("times", "problems"),
    [
        ([100, 101, 1, 2], []),
        ([100, 101, 101, 101], []),
        ([100, 99, 1, 2], [("clock_backwards", 2)]),
        ([100, 101, 50, 49], [("clock_backwards", 4)]),
        ([1, 2, 100, 99], [("clock_backwards", 4)]),
    ],
    ids=str,
)
def test_clock_may_go_back_only_where_a_run_is_resumed(
    root: Path, times: list[float], problems: list[tuple[str, int]]
) -> None:
    at_times(root / "run", times, (START, END, AGAIN, END))
    assert found(root / "run") == problems


def test_changes_are_found_on_both_sides_of_a_resume(folder: Path, lines: Path) -> None:
    changed = load(lines)
    for number in (RESUMED - 1, RESUMED, RESUMED + 1):
        save(lines, [*changed[: number - 1], later(changed[number - 1]), *changed[number:]])
        assert found(folder) == [("line_changed", number)]


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
