"""A run while it goes on."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_agent.errors import TraceError
from cxr_agent.trace import Line, RunFinished, RunResumed, RunStarted, TraceWriter, read_trace
from cxr_agent.trace.follow import follow
from cxr_agent.trace.line import decode

from .conftest import write_example

POLL_S = 0.01


class Watching:
    """A follower in a thread of its own."""

    def __init__(self, directory: Path) -> None:
        self.lines: list[Line] = []
        self.error: TraceError | None = None
        self._thread = threading.Thread(target=self._run, args=(directory,), daemon=True)
        self._thread.start()

    def _run(self, directory: Path) -> None:
        try:
            for line in follow(directory, POLL_S):
                self.lines.append(line)
        except TraceError as error:
            self.error = error

    def has(self, count: int) -> bool:
        end = time.monotonic() + 10
        while len(self.lines) < count and time.monotonic() < end:
            time.sleep(POLL_S)
        return len(self.lines) == count

    def ended(self) -> bool:
        self._thread.join(10)
        return not self._thread.is_alive()


@pytest.fixture
def writer(root: Path) -> Iterator[TraceWriter]:
    with TraceWriter.create(root, "run") as writer:
        yield writer


START = RunStarted(run_id="run", program_version="1", planner="p")
END = RunFinished(status="complete", seconds=1)


def test_a_finished_run_is_read_to_its_end(folder: Path) -> None:
    assert list(follow(folder, POLL_S)) == list(read_trace(folder).lines)


def test_lines_come_one_by_one(writer: TraceWriter) -> None:
    watching = Watching(writer.directory)
    time.sleep(3 * POLL_S)
    assert watching.lines == []  # no first line yet
    for count in range(1, 4):
        writer.append(START)
        assert watching.has(count)
    writer.append(END)
    assert watching.ended()
    assert watching.lines == list(read_trace(writer.directory).lines)


def until_its_end(root: Path) -> list[bytes]:
    """The lines of a run that ends once.

    A follower rightly ends when it finds the file at ``run_finished``: so, where a test writes
    piece by piece, none may stand before the last line.
    """
    lines = (write_example(root, "other") / "trace.jsonl").read_bytes().splitlines(keepends=True)
    ended = [isinstance(decode(line).event, RunFinished) for line in lines].index(True)
    return lines[: ended + 1]


def as_lines(data: list[bytes]) -> list[Line]:
    return [decode(line) for line in data]


def test_a_file_that_is_not_there_yet(root: Path) -> None:
    (root / "run" / "artifacts").mkdir(parents=True)
    watching = Watching(root / "run")
    time.sleep(3 * POLL_S)
    lines = until_its_end(root)
    (root / "run" / "trace.jsonl").write_bytes(b"".join(lines))
    assert watching.ended()
    assert watching.lines == as_lines(lines)


def test_half_a_line_is_waited_for(root: Path) -> None:
    lines = until_its_end(root)
    data = b"".join(lines)
    (root / "run").mkdir()
    file = root / "run" / "trace.jsonl"
    file.write_bytes(data[:200])
    watching = Watching(root / "run")
    time.sleep(3 * POLL_S)
    assert watching.lines == []
    with file.open("ab") as stream:
        for place in range(200, len(data), 977):
            stream.write(data[place : place + 977])
            stream.flush()
            time.sleep(POLL_S / 5)
    assert watching.ended()
    assert watching.error is None
    assert watching.lines == as_lines(lines)


def test_a_line_that_was_taken_back(root: Path) -> None:
    """What an interrupted writer did not acknowledge is written again."""
    lines = until_its_end(root)
    (root / "run").mkdir()
    file = root / "run" / "trace.jsonl"
    file.write_bytes(b"".join(lines[:3]))
    watching = Watching(root / "run")
    assert watching.has(3)
    os.truncate(file, len(b"".join(lines[:2])))  # in one step, as a writer does
    time.sleep(5 * POLL_S)
    with file.open("ab") as stream:
        stream.write(b"".join(lines[2:]))
    assert watching.ended()
    assert watching.error is None
    assert watching.lines[3:] == as_lines(lines[2:])


def test_a_run_that_goes_on_after_its_end(writer: TraceWriter) -> None:
    for event in (START, END, RunResumed(program_version="1", planner="p")):
        writer.append(event)
    watching = Watching(writer.directory)
    assert watching.has(3)
    writer.append(END)
    assert watching.ended()
    assert len(watching.lines) == 4


def test_a_run_that_is_deleted(writer: TraceWriter) -> None:
    writer.append(START)
    watching = Watching(writer.directory)
    assert watching.has(1)
    shutil.rmtree(writer.directory)
    assert watching.ended()
    assert watching.error is not None
    assert watching.error.code == "trace_not_found"


def test_a_damaged_line(folder: Path, lines: Path) -> None:
    lines.write_bytes(lines.read_bytes().splitlines(keepends=True)[0] + b"garbage\n")
    followed = follow(folder, POLL_S)
    next(followed)
    with pytest.raises(TraceError) as caught:
        next(followed)
    assert caught.value.code == "trace_damaged"
    assert "line 2" in caught.value.message


def test_a_follower_keeps_no_writer_out(folder: Path) -> None:
    followed = follow(folder, POLL_S)
    next(followed)
    writer, _ = TraceWriter.resume(folder)
    writer.close()
