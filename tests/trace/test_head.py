"""The head file: no byte of a finished run can change, and none be lost, without being named."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.errors import TraceError
from cxr_agent.trace import (
    Problem,
    RunFinished,
    RunResumed,
    RunStarted,
    ToolCalled,
    TraceWriter,
    read_trace,
    salvage_trace,
    verify,
)
from cxr_agent.trace import head as module
from cxr_agent.trace.head import Head, decode_head, encode_head
from cxr_agent.trace.layout import ARTIFACTS, HEAD, LINES

from .conftest import write_example
from .example import COUNT

START = RunStarted(run_id="run", program_version="1", planner="protocol")
CALL = ToolCalled(step=1, tool="t", tool_version="1")
END = RunFinished(status="complete", seconds=1)
AGAIN = RunResumed(program_version="1", planner="protocol")

heads = st.builds(
    Head,
    st.integers(1, 10**18),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.integers(1, 10**18),
)


def head_of(folder: Path) -> Head:
    found = decode_head((folder / HEAD).read_bytes())
    assert found is not None
    return found


def last_line(folder: Path) -> Head:
    trace = read_trace(folder)
    return Head(len(trace.lines), trace.digests[-1], (folder / LINES).stat().st_size)


def named(folder: Path) -> list[str]:
    """Codes of what is found, by whoever finds it first."""
    try:
        return [problem.code for problem in verify(read_trace(folder)).problems]
    except TraceError as error:
        return [error.code]


def small_run(root: Path) -> Path:
    with TraceWriter.create(root, "run") as writer:
        for event in (START, CALL, END):
            writer.append(event)
    return writer.directory


def other_bytes(data: bytes) -> list[tuple[int, bytes]]:
    """The data with one byte changed, at each position: one bit of it, or to a digit."""
    return [
        (place, data[:place] + bytes([byte]) + data[place + 1 :])
        for place in range(len(data))
        for byte in {data[place] ^ 1, ord("7")} - {data[place]}
    ]


@pytest.mark.parametrize("name", [LINES, HEAD])
def test_one_changed_byte_at_every_position(root: Path, name: str) -> None:
    folder = small_run(root)
    whole = verify(read_trace(folder))
    assert whole.intact
    assert whole.sealed
    for place, changed in other_bytes((folder / name).read_bytes()):
        (folder / name).write_bytes(changed)
        assert named(folder), place


@pytest.mark.parametrize("name", [LINES, HEAD])
def test_one_lost_or_added_byte_at_every_position(root: Path, name: str) -> None:
    folder = small_run(root)
    data = (folder / name).read_bytes()
    for place in range(len(data)):
        (folder / name).write_bytes(data[:place] + data[place + 1 :])
        assert named(folder), place
        (folder / name).write_bytes(data[:place] + b"0" + data[place:])
        assert named(folder), place


def test_a_file_cut_off_anywhere(root: Path) -> None:
    folder = small_run(root)
    data = (folder / LINES).read_bytes()
    for size in range(len(data)):
        (folder / LINES).write_bytes(data[:size])
        assert "end_missing" in named(folder), size


def test_what_is_named(folder: Path, lines: Path) -> None:
    def problems() -> list[Problem]:
        return list(verify(read_trace(folder)).problems)

    data, head = lines.read_bytes(), head_of(folder)
    lines.write_bytes(data.replace(b'"seconds":2.5', b'"seconds":3.5'))
    (one,) = problems()
    assert (one.code, one.line) == ("line_changed", COUNT)
    lines.write_bytes(data[:-1])
    (one,) = problems()
    assert (one.code, one.line) == ("end_missing", None)
    assert one.message == f"line {COUNT} of the run is missing at its end"
    lines.write_bytes(data)
    for spoiled in (
        b"",
        b"{}\n",
        encode_head(head) * 2,
        encode_head(Head(head.seq - 1, head.sha256, head.size)),
        encode_head(Head(head.seq, head.sha256, head.size + 1)),
        encode_head(Head(3, "0" * 64, head.size)),
    ):
        (folder / HEAD).write_bytes(spoiled)
        (one,) = problems()
        assert (one.code, one.line) == ("head_damaged", None)
        with pytest.raises(TraceError, match="trace_damaged"):
            TraceWriter.resume(folder)
    (folder / HEAD).unlink()
    (folder / HEAD).mkdir()
    assert [problem.code for problem in problems()] == ["head_damaged"]


def test_salvage_holds_the_head_against_what_is_left(folder: Path, lines: Path) -> None:
    assert verify(salvage_trace(folder)[0]).sealed
    lines.write_bytes(lines.read_bytes()[:-1])
    found = verify(salvage_trace(folder)[0])
    assert [problem.code for problem in found.problems] == ["end_missing"]


def test_the_end_and_closing_seal_and_nothing_else_does(root: Path) -> None:
    with TraceWriter.create(root, "run") as writer:
        folder = writer.directory
        writer.append(START)
        assert not (folder / HEAD).exists()
        assert not verify(read_trace(folder)).sealed
        writer.append(END)
        assert head_of(folder) == last_line(folder)
        ended = (folder / HEAD).stat().st_ino
    assert (folder / HEAD).stat().st_ino == ended  # not written twice
    assert verify(read_trace(folder)).sealed
    with TraceWriter.create(root, "unfinished") as writer:
        writer.append(START)
    assert head_of(writer.directory) == last_line(writer.directory)


def test_a_run_without_a_line_has_no_head(root: Path) -> None:
    TraceWriter.create(root, "run").close()
    assert {path.name for path in (root / "run").iterdir()} == {LINES, ARTIFACTS}


def test_only_the_owner_may_read_it(folder: Path) -> None:
    assert (folder / HEAD).stat().st_mode & 0o777 == 0o600


def test_a_resumed_run_keeps_the_older_head_until_there_is_a_newer(folder: Path) -> None:
    older = head_of(folder)
    writer, _ = TraceWriter.resume(folder)
    with writer:
        writer.append(AGAIN)
        assert head_of(folder) == older
        found = verify(read_trace(folder))
        assert found.intact
        assert not found.sealed
        writer.append(END)
    assert head_of(folder) == last_line(folder) != older
    assert verify(read_trace(folder)).sealed


def test_opening_a_run_seals_nothing(folder: Path) -> None:
    (folder / HEAD).unlink()
    TraceWriter.resume(folder)[0].close()
    assert not (folder / HEAD).exists()


@pytest.mark.parametrize("kept", [0, 1])
def test_killed_between_a_line_and_its_head(folder: Path, lines: Path, kept: int) -> None:
    """No head, or an older one: readable, intact, and it goes on."""
    older = encode_head(head_of(folder))
    (folder / HEAD).unlink()
    writer, _ = TraceWriter.resume(folder)
    with writer:
        writer.append(AGAIN)
    (folder / HEAD).unlink()
    if kept:
        (folder / HEAD).write_bytes(older)
    found = verify(read_trace(folder))
    assert (found.intact, found.sealed) == (True, False)
    lines.write_bytes(lines.read_bytes() + b'{"torn')
    writer, trace = TraceWriter.resume(folder)
    with writer:
        assert trace.torn
        writer.append(END)
    assert verify(read_trace(folder)).sealed


def test_lines_that_an_older_head_tells_of_cannot_be_cut_off(folder: Path, lines: Path) -> None:
    pieces, older = lines.read_bytes().splitlines(keepends=True), (folder / HEAD).read_bytes()
    writer, _ = TraceWriter.resume(folder)
    with writer:
        writer.append(AGAIN)
    (folder / HEAD).write_bytes(older)
    assert named(folder) == []
    lines.write_bytes(b"".join(pieces[:-1]))
    assert named(folder) == ["end_missing"]


@pytest.mark.parametrize("act", ["write", "replace", "fsync"])
def test_a_head_that_cannot_be_written_costs_no_run(
    root: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "no space")

    with TraceWriter.create(root, "run") as writer:
        writer.append(START)
        with monkeypatch.context() as patch:
            if act == "write":
                patch.setattr(module, "write_file", full)
            elif act == "replace":
                patch.setattr(Path, "replace", full)
            else:
                patch.setattr(module, "sync_folder", full)
            writer.append(END)
            writer.close()
    found = verify(read_trace(writer.directory))
    assert (found.intact, found.finished) == (True, True)
    assert found.sealed is (act == "fsync")
    assert {path.name for path in writer.directory.iterdir()} <= {LINES, ARTIFACTS, HEAD}


def test_who_reads_meanwhile_never_finds_damage(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every call to the disk while runs end and go on."""
    folder = small_run(root)
    for name in ("fsync", "write", "ftruncate"):
        real: Callable[..., Any] = getattr(os, name)

        def looking(*arguments: Any, real: Callable[..., Any] = real) -> Any:
            assert verify(read_trace(folder)).intact
            done = real(*arguments)
            assert verify(read_trace(folder)).intact
            return done

        monkeypatch.setattr(os, name, looking)
    for _ in range(3):
        writer, _ = TraceWriter.resume(folder)
        with writer:
            writer.hold(AGAIN)
            writer.append(CALL)
            writer.append(END)


def test_lines_that_come_while_the_file_is_read_are_no_contradiction(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head is read first: what it tells of is there by then."""
    folder = small_run(root)
    opened = Path.open

    def late(self: Path, *arguments: Any, **options: Any) -> Any:
        if self.name == LINES and not writer.ended:
            writer.append(END)
        return opened(self, *arguments, **options)

    writer, _ = TraceWriter.resume(folder)
    with writer, monkeypatch.context() as patch:
        writer.append(AGAIN)
        patch.setattr(Path, "open", late)
        found = verify(read_trace(folder))
    assert (found.intact, found.lines, found.sealed) == (True, 5, False)


@given(heads)
def test_a_head_comes_back(head: Head) -> None:
    assert decode_head(encode_head(head)) == head


@given(st.binary(max_size=200) | heads.map(encode_head), st.integers(0, 200), st.binary(max_size=3))
def test_anything_else_is_none(data: bytes, place: int, put_in: bytes) -> None:
    changed = data[:place] + put_in + data[place + 1 :]
    found = decode_head(changed)
    assert found is None or encode_head(found) == changed


def test_bytes_counted_are_those_of_the_file(folder: Path, lines: Path) -> None:
    trace = read_trace(folder)
    assert trace.ends[-1] == lines.stat().st_size
    pieces = lines.read_bytes().splitlines(keepends=True)
    assert [b - a for a, b in pairwise((0, *trace.ends))] == list(map(len, pieces))


def test_two_runs_do_not_share_a_head(root: Path, folder: Path) -> None:
    other = write_example(root, "run-2")
    (folder / HEAD).write_bytes((other / HEAD).read_bytes())
    assert named(folder) == ["line_changed"]
