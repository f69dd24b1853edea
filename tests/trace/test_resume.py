"""Going on with a run: where it ended, where it was cut off, and where that is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cxr_agent.errors import CxrAgentError, OutputError, TraceError
from cxr_agent.trace import (
    Event,
    RunFinished,
    RunResumed,
    RunStarted,
    ToolCalled,
    Trace,
    TraceWriter,
    Withdrawn,
    read_trace,
    verify,
)
from cxr_agent.trace.layout import HEAD
from cxr_agent.trace.line import decode, digest, encode

from .example import COUNT, PICTURE, RUN_ID
from .golden import VERSION_1

AGAIN = RunResumed(program_version="1", planner="protocol")
END = RunFinished(status="complete", seconds=1)
PYTHON = [sys.executable, "-c"]

TORN = """
import os, signal, sys
from pathlib import Path
from cxr_agent.trace import RunResumed, TraceWriter, Withdrawn

writer, trace = TraceWriter.resume(Path(sys.argv[1]))
writer.append(RunResumed(program_version="1", planner="protocol"))
write = os.write

def half(descriptor, data):
    write(descriptor, data[: len(data) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

os.write = half
writer.append(Withdrawn(evidence=("e1",), reason="why"))
"""

HOLDING = """
import sys
from pathlib import Path
from cxr_agent.trace import TraceWriter

writer, trace = TraceWriter.resume(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""

OPENING = """
import sys
from pathlib import Path
from cxr_agent.errors import CxrAgentError
from cxr_agent.trace import TraceWriter

try:
    TraceWriter.resume(Path(sys.argv[1]))
except CxrAgentError as error:
    print(error.code)
else:
    print("open")
"""


def refused(run: Path) -> CxrAgentError:
    with pytest.raises(CxrAgentError) as caught:
        TraceWriter.resume(run)
    assert caught.value.hint
    return caught.value


def opened_elsewhere(run: Path) -> str:
    """What another process is told that wants to go on with the run."""
    told = subprocess.run(
        [*PYTHON, OPENING, str(run)], capture_output=True, text=True, timeout=60, check=True
    )
    return told.stdout.strip()


def resumed(run: Path, *events: Event) -> tuple[Trace, Trace]:
    """What the run had, and what it has after going on with ``events``."""
    writer, before = TraceWriter.resume(run)
    with writer:
        for event in events:
            writer.append(event)
    return before, read_trace(run)


@pytest.mark.parametrize("as_file", [False, True])
def test_sequence_and_chain_go_on(folder: Path, lines: Path, as_file: bool) -> None:
    whole = lines.read_bytes()
    before, after = resumed(lines if as_file else folder, AGAIN, END)
    assert len(before.lines) == COUNT
    assert lines.read_bytes().startswith(whole)
    assert after.lines[:COUNT] == before.lines
    assert after.events[COUNT:] == (AGAIN, END)
    assert [line.seq for line in after.lines] == list(range(1, COUNT + 3))
    assert after.lines[COUNT].previous == before.digests[-1] == digest(encode(before.lines[-1]))
    assert verify(after).problems == ()
    assert verify(after).finished


def test_run_goes_on_as_often_as_one_likes(folder: Path) -> None:
    for _ in range(3):
        resumed(folder, AGAIN, END)
    trace = read_trace(folder)
    assert len(trace.lines) == COUNT + 6
    assert verify(trace).problems == ()


def test_opening_alone_changes_nothing(folder: Path, lines: Path) -> None:
    whole = lines.read_bytes()
    resumed(folder)
    assert lines.read_bytes() == whole


@pytest.mark.parametrize("as_file", [False, True])
def test_artifacts_are_put_where_the_others_are(folder: Path, lines: Path, as_file: bool) -> None:
    writer, _ = TraceWriter.resume(lines if as_file else folder)
    with writer:
        assert (writer.directory, writer.run_id) == (folder, "run-1")
        writer.put(b"more")
        writer.put(PICTURE)
    assert (folder / "artifacts" / digest(b"more")).read_bytes() == b"more"


@pytest.mark.parametrize(
    "tail", [b"{", b'{"event":{"type":"run_f', bytes(4096), b"\xff\xfe", b"garbage"], ids=repr
)
def test_torn_line_is_cut_off(folder: Path, lines: Path, tail: bytes) -> None:
    whole = lines.read_bytes()
    lines.write_bytes(whole + tail)
    before, after = resumed(folder, AGAIN)
    assert before.torn
    assert not after.torn
    assert lines.read_bytes().startswith(whole + b'{"event":')
    assert len(after.lines) == COUNT + 1
    assert verify(after).problems == ()


def test_killed_in_the_middle_of_a_line(folder: Path, lines: Path) -> None:
    child = subprocess.run([*PYTHON, TORN, str(folder)], timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL
    cut_off = read_trace(folder)
    assert cut_off.torn
    assert cut_off.events[COUNT:] == (AGAIN,)
    assert verify(cut_off).problems == ()
    before, after = resumed(folder, AGAIN, END)
    assert before.lines == cut_off.lines
    assert after.events[COUNT:] == (AGAIN, AGAIN, END)
    assert not after.torn
    assert verify(after).problems == ()


def test_failing_line_after_a_resume_is_taken_back(
    folder: Path, lines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines.write_bytes(lines.read_bytes() + b"torn")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    writer, _ = TraceWriter.resume(folder)
    with writer:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", interrupt)
            with pytest.raises(KeyboardInterrupt):
                writer.append(Withdrawn(evidence=("e1",), reason="why"))
        writer.append(AGAIN)
    trace = read_trace(folder)
    assert trace.events[COUNT:] == (AGAIN,)
    assert verify(trace).problems == ()


def test_last_line_in_other_bytes_than_ours_stays(folder: Path, lines: Path) -> None:
    """As when a version with more or fewer fields wrote it: the chain goes on from its bytes."""
    (folder / HEAD).unlink()
    with lines.open("rb+") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"   \n")
    whole = lines.read_bytes()
    assert encode(decode(whole.split(b"\n")[-2])) != whole.split(b"\n")[-2]
    _, after = resumed(folder, AGAIN)
    assert lines.read_bytes().startswith(whole)
    assert verify(after).problems == ()


def test_run_of_version_1_goes_on(tmp_path: Path) -> None:
    run = tmp_path / RUN_ID
    artifacts = run / "artifacts"
    artifacts.mkdir(parents=True)
    for file in (VERSION_1 / RUN_ID).rglob("*"):
        if file.is_file():
            (tmp_path / file.relative_to(VERSION_1)).write_bytes(file.read_bytes())
    _, after = resumed(run, AGAIN, END)
    assert after.started is not None
    assert after.started.schema_version == 1
    assert verify(after).problems == ()


def change_a_line(folder: Path) -> None:
    file = folder / "trace.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"cardiomegaly"', b'"pneumothorax"', 1))


def remove_a_line(folder: Path) -> None:
    file = folder / "trace.jsonl"
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([*lines[:4], *lines[5:]]))


def garble_a_line(folder: Path) -> None:
    file = folder / "trace.jsonl"
    file.write_bytes(file.read_bytes().replace(b"\n", b"garbage\n", 1))


def change_a_line_and_tear_the_last(folder: Path) -> None:
    change_a_line(folder)
    with (folder / "trace.jsonl").open("ab") as file:
        file.write(b"torn")


def change_an_artifact(folder: Path) -> None:
    (folder / "artifacts" / digest(PICTURE)).write_bytes(b"another picture")


def remove_an_artifact(folder: Path) -> None:
    (folder / "artifacts" / digest(PICTURE)).unlink()


def go_on_after_the_end(folder: Path) -> None:
    writer, _ = TraceWriter.resume(folder)
    with writer:
        writer.append(END)


def lose_all_lines(folder: Path) -> None:
    (folder / "trace.jsonl").write_bytes(b"")


@pytest.mark.parametrize(
    "tamper",
    [
        change_a_line,
        remove_a_line,
        garble_a_line,
        change_a_line_and_tear_the_last,
        change_an_artifact,
        remove_an_artifact,
        go_on_after_the_end,
        lose_all_lines,
    ],
)
def test_nothing_is_built_on_a_run_that_was_changed(
    folder: Path, lines: Path, tamper: object
) -> None:
    assert callable(tamper)
    tamper(folder)
    spoiled = lines.read_bytes()
    error = refused(folder)
    assert (type(error), error.code) == (TraceError, "trace_damaged")
    assert lines.read_bytes() == spoiled
    # The refusal holds no lock: another who asks is told the same, not that it is in use.
    assert opened_elsewhere(folder) == "trace_damaged"


def test_run_of_a_newer_version(folder: Path, lines: Path) -> None:
    spoiled = lines.read_bytes().replace(b'"schema_version":2', b'"schema_version":3')
    lines.write_bytes(spoiled)
    assert refused(folder).code == "trace_schema"
    assert lines.read_bytes() == spoiled


def test_nothing_to_resume(root: Path, folder: Path) -> None:
    for path in (root / "none", folder / "artifacts", root):
        assert refused(path).code == "trace_not_found"
    assert not (root / "none").exists()


def test_run_that_may_not_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write everywhere, so the refusal is made up."""

    def closed(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", closed)
        assert refused(folder).code == "trace_not_writable"


def test_torn_line_that_cannot_be_cut_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", closed)
        assert refused(folder).code == "trace_not_writable"
    resumed(folder, AGAIN)  # and the lock is free again


@pytest.mark.parametrize("begun", ["created", "resumed"])
def test_one_writer_at_a_time(root: Path, begun: str) -> None:
    writer = TraceWriter.create(root, "run")
    writer.append(RunStarted(run_id="run", program_version="1", planner="protocol"))
    if begun == "resumed":
        writer.close()
        writer, _ = TraceWriter.resume(root / "run")
    size = (root / "run" / "trace.jsonl").stat().st_size
    with writer:
        error = refused(root / "run")
        assert (type(error), error.code) == (OutputError, "trace_in_use")
        assert opened_elsewhere(root / "run") == "trace_in_use"
        assert (root / "run" / "trace.jsonl").stat().st_size == size
        writer.append(AGAIN)
    assert opened_elsewhere(root / "run") == "open"
    assert len(resumed(root / "run", END)[1].lines) == 3


def test_writer_in_another_process_keeps_this_one_out(folder: Path) -> None:
    child = subprocess.Popen(
        [*PYTHON, HOLDING, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        assert refused(folder).code == "trace_in_use"
    finally:
        child.kill()
        child.communicate(timeout=30)
    # A lock dies with its process, kill -9 or not.
    assert verify(resumed(folder, AGAIN, END)[1]).problems == ()


def test_listener_hears_of_a_line_that_is_on_the_disk(root: Path) -> None:
    with TraceWriter.create(root, "run") as writer:
        heard: list[Event] = []

        def listen(event: Event) -> None:
            heard.append(event)
            trace = read_trace(writer.directory)
            assert not trace.torn
            assert trace.events == tuple(heard)

        writer.on_event = listen
        writer.append(RunStarted(run_id="run", program_version="1", planner="protocol"))
        writer.append(AGAIN)
    assert len(heard) == 2


def test_listener_hears_nothing_of_a_line_that_failed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    heard: list[Event] = []
    with TraceWriter.create(root) as writer, monkeypatch.context() as patch:
        writer.on_event = heard.append
        patch.setattr(os, "fsync", broken)
        with pytest.raises(OutputError):
            writer.append(END)
    assert heard == []


def test_listener_may_write_itself(root: Path) -> None:
    """It is called outside the lock: an event that follows from another does not hang."""
    call = ToolCalled(step=1, tool="t", tool_version="1")
    with TraceWriter.create(root) as writer:

        def follow(event: Event) -> None:
            if isinstance(event, RunResumed):
                writer.append(call)

        writer.on_event = follow
        worker = threading.Thread(target=writer.append, args=(AGAIN,), daemon=True)
        worker.start()
        worker.join(timeout=30)
        assert not worker.is_alive()
        assert read_trace(writer.directory).events == (AGAIN, call)


def test_listener_that_fails_loses_nothing(root: Path) -> None:
    def failing(_: Event) -> None:
        raise RuntimeError("the terminal is gone")

    with TraceWriter.create(root) as writer:
        writer.on_event = failing
        with pytest.raises(RuntimeError):
            writer.append(AGAIN)
        writer.on_event = None
        writer.append(END)
    assert read_trace(writer.directory).events == (AGAIN, END)
