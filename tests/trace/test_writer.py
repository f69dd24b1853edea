"""Writing a run: order, names, permissions, threads, interrupts and failing disks."""

from __future__ import annotations

import errno
import os
import resource
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import OutputError, UsageError
from cxr_agent.trace import Event, Line, RunFinished, ToolCalled, TraceWriter, read_trace, verify
from cxr_agent.trace import writer as writer_module
from cxr_agent.trace.line import GENESIS, digest, encode

from .example import COUNT, example_events

Fault = Callable[[pytest.MonkeyPatch], None]


def call(step: int = 1, **arguments: Any) -> ToolCalled:
    return ToolCalled(step=step, tool="t", tool_version="1", arguments=arguments)


def names(folder: Path) -> set[str]:
    return {item.name for item in folder.iterdir()}


def test_appended_is_read_back(root: Path) -> None:
    with TraceWriter.create(root) as writer:
        events = example_events(writer.put, writer.run_id)
        written = [writer.append(event) for event in events]
    trace = read_trace(writer.directory)
    assert trace.events == events
    assert list(trace.lines) == written
    assert [line.seq for line in written] == list(range(1, COUNT + 1))
    assert [line.previous for line in written] == [
        GENESIS,
        *(digest(encode(line)) for line in written[:-1]),
    ]
    assert verify(trace).intact


def test_line_is_on_the_disk_before_append_returns(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync
    with TraceWriter.create(root) as writer, monkeypatch.context() as patch:
        file = writer.directory / "trace.jsonl"

        def recording(descriptor: int) -> None:
            synced.append(file.stat().st_size)
            sync(descriptor)

        patch.setattr(os, "fsync", recording)
        writer.append(call())
        assert synced == [file.stat().st_size]
        assert synced[0] > 0


def test_a_run_that_is_synced_at_its_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    sync = os.fsync

    def recording(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", recording)
        with TraceWriter.create(root, sync_at_end=True) as writer:
            events = example_events(writer.put, writer.run_id)
            place = next(i for i, event in enumerate(events) if isinstance(event, RunFinished))
            for event in events[:place]:
                writer.append(event)
                # A kill now would leave all of it.
                assert read_trace(writer.directory).events[-1] == event
            assert synced == []
            writer.append(events[place])
            at_end = list(synced)
    lines, artifacts = writer.directory / "trace.jsonl", writer.directory / "artifacts"
    # What is pointed to comes before what points to it.
    place = at_end.index(lines)
    assert {path for path in at_end[:place] if path.parent == artifacts} == set(artifacts.iterdir())
    assert {root, artifacts} <= set(at_end[:place])
    assert at_end[-1] == writer.directory
    assert verify(read_trace(writer.directory)).intact


def test_events_that_belong_together_take_one_fsync(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Event] = []
    synced: list[int] = []
    sync = os.fsync
    with TraceWriter.create(root) as writer, monkeypatch.context() as patch:
        file = writer.directory / "trace.jsonl"
        writer.on_event = told.append
        writer.append(call(1))

        def recording(descriptor: int) -> None:
            synced.append(file.stat().st_size)
            assert len(told) == 1  # nobody is told of what is not on the disk
            sync(descriptor)

        patch.setattr(os, "fsync", recording)
        written = writer.append_all([call(2), call(3)])
        assert synced == [file.stat().st_size]
        assert [line.seq for line in written] == [2, 3]
        assert writer.append_all([]) == ()
    trace = read_trace(writer.directory)
    assert [problem.code for problem in verify(trace).problems] == ["no_start"]
    assert trace.events == tuple(told) == (call(1), call(2), call(3))


def test_what_is_held_goes_to_the_disk_with_what_follows(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Event] = []
    synced: list[int] = []
    sync = os.fsync

    def recording(descriptor: int) -> None:
        synced.append(descriptor)
        sync(descriptor)

    with TraceWriter.create(root) as writer, monkeypatch.context() as patch:
        file = writer.directory / "trace.jsonl"
        writer.on_event = told.append
        patch.setattr(os, "fsync", recording)
        held = [writer.hold(call(1)), writer.hold(call(2))]
        assert (file.stat().st_size, told, synced) == (0, [], [])
        written = writer.append(call(3))
        assert told == [call(1), call(2), call(3)]
        held += writer.hold_all([call(4), call(5)])
        writer.flush()
        writer.flush()
        assert len(synced) == 2
        assert told[3:] == [call(4), call(5)]
    assert calls(writer) == [*held[:2], written, *held[2:]]
    assert [line.seq for line in calls(writer)] == [1, 2, 3, 4, 5]


def test_closing_writes_what_is_held(root: Path) -> None:
    told: list[Event] = []
    with TraceWriter.create(root) as writer:
        writer.on_event = told.append
        writer.append(call(1))
        writer.hold(call(2))
    assert [line.event.step for line in calls(writer)] == [1, 2]
    assert told == [call(1), call(2)]
    with pytest.raises(OutputError):
        writer.hold(call(3))


def test_closing_that_cannot_write_what_is_held_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = TraceWriter.create(root)
    writer.append(call(1))
    writer.hold(call(2))
    with monkeypatch.context() as patch:
        full_at_sync(patch)
        with pytest.raises(OutputError) as caught:
            writer.close()
    assert caught.value.code == "disk_full"
    writer.close()
    assert [line.event.step for line in calls(writer)] == [1]


@pytest.mark.parametrize("interrupted", ["append", "flush"])
def test_what_is_held_outlives_an_interrupt_and_keeps_its_place(
    root: Path, monkeypatch: pytest.MonkeyPatch, interrupted: str
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with TraceWriter.create(root) as writer:
        writer.append(call(1))
        writer.hold(call(2))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", interrupt)
            with pytest.raises(KeyboardInterrupt):
                writer.append(call(99)) if interrupted == "append" else writer.flush()
        assert [line.event.step for line in calls(writer)] == [1]
        writer.hold(call(3))
        writer.append(call(4))
    assert [line.event.step for line in calls(writer)] == [1, 2, 3, 4]


def test_a_line_too_long_loses_nothing_that_is_held(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "MAX_LINE_BYTES", 1000)
    with TraceWriter.create(root) as writer:
        writer.hold(call(1))
        for write in (writer.append, writer.hold):
            with pytest.raises(OutputError, match="trace_line_too_long"):
                write(call(9, text="x" * 1000))
        with pytest.raises(OutputError, match="trace_line_too_long"):
            writer.hold_all([call(8), call(9, text="x" * 1000)])  # all or none
        writer.append(call(2))
    assert [line.event.step for line in calls(writer)] == [1, 2]


def test_names_of_artifacts_are_on_the_disk_before_a_held_event(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    with TraceWriter.create(root) as writer:
        file = writer.directory / "trace.jsonl"
        monkeypatch.setattr(
            writer_module, "sync_folder", lambda _: synced.append(file.stat().st_size)
        )
        writer.hold(call(1, artifact=writer.put(b"a")))
        writer.append(call(2))
    assert synced == [0]


def test_a_group_that_fails_is_not_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with TraceWriter.create(root) as writer:
        writer.append(call(1))
        with monkeypatch.context() as patch:
            full_in_the_middle(patch)
            with pytest.raises(OutputError):
                writer.append_all([call(2), call(3)])
    assert [line.event.step for line in calls(writer)] == [1]


def test_a_group_with_a_line_too_long_writes_none(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TraceWriter.create(root) as writer:
        monkeypatch.setattr(writer_module, "MAX_LINE_BYTES", 1000)
        with pytest.raises(OutputError):
            writer.append_all([call(1), call(2, text="x" * 1000)])
        writer.append(call(1))
    assert [line.event.step for line in calls(writer)] == [1]


def test_names_of_artifacts_are_on_the_disk_before_the_event(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of one that another process put and was killed before it made the name durable."""
    synced: list[tuple[Path, int]] = []
    sync = writer_module.sync_folder
    with TraceWriter.create(root) as writer, monkeypatch.context() as patch:
        file = writer.directory / "trace.jsonl"
        folder = writer.directory / "artifacts"

        def recording(path: Path) -> None:
            synced.append((path, file.stat().st_size))
            sync(path)

        patch.setattr(writer_module, "sync_folder", recording)
        (folder / digest(b"mask")).write_bytes(b"mask")
        for data in (b"a", b"b", b"mask"):
            writer.put(data)
        assert synced == []
        writer.append(call(1))
        assert synced == [(folder, 0)]
        writer.append(call(2))
        assert len(synced) == 1


def test_only_the_owner_may_look(root: Path) -> None:
    with TraceWriter.create(root) as writer:
        artifact = writer.directory / "artifacts" / writer.put(b"a")
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (writer.directory, artifact.parent, artifact, writer.directory / "trace.jsonl")
    }
    assert set(modes.values()) == {0o700, 0o600}
    assert modes["trace.jsonl"] == modes[artifact.name] == 0o600


def test_names_that_are_made_sort_by_time_and_differ(root: Path) -> None:
    made = []
    for _ in range(3):
        with TraceWriter.create(root) as writer:
            made.append(writer.run_id)
    assert len(set(made)) == 3
    assert [name[:15] for name in made] == sorted(name[:15] for name in made)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../up", "a/b", "/abs", "last", "-x", ".hidden", "a\n", "é", "a" * 129]
)
def test_bad_run_id(root: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        TraceWriter.create(root, name)
    assert caught.value.code == "bad_run_id"
    assert not root.exists()


def test_a_run_is_never_overwritten(root: Path, folder: Path) -> None:
    before = (folder / "trace.jsonl").read_bytes()
    with pytest.raises(OutputError) as caught:
        TraceWriter.create(root, folder.name)
    assert caught.value.code == "trace_exists"
    assert (folder / "trace.jsonl").read_bytes() == before


def test_a_made_name_that_is_taken_is_made_again(
    root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = iter([folder.name, folder.name, "run-2"])
    monkeypatch.setattr(writer_module, "_fresh_id", lambda: next(fresh))
    with TraceWriter.create(root) as writer:
        assert writer.run_id == "run-2"
    monkeypatch.setattr(writer_module, "_fresh_id", lambda: folder.name)
    with pytest.raises(OutputError) as caught:
        TraceWriter.create(root)
    assert caught.value.code == "trace_exists"


def test_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as caught:
        TraceWriter.create(tmp_path / "file")
    assert caught.value.code == "trace_not_writable"


def test_closed_writer(root: Path) -> None:
    writer = TraceWriter.create(root)
    writer.close()
    writer.close()
    for act in (lambda: writer.append(call()), lambda: writer.put(b"a")):
        with pytest.raises(OutputError) as caught:
            act()
        assert caught.value.code == "trace_closed"


def test_line_too_long_writes_nothing_and_the_run_goes_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "MAX_LINE_BYTES", 1000)
    with TraceWriter.create(root) as writer:
        writer.append(call(1))
        with pytest.raises(OutputError) as caught:
            writer.append(call(2, text="x" * 1000))
        assert caught.value.code == "trace_line_too_long"
        writer.append(call(3))
    assert [line.event.step for line in calls(writer)] == [1, 3]


def calls(writer: TraceWriter) -> list[Any]:
    """The lines on the disk, in a chain that holds and a file that ends with a line."""
    trace = read_trace(writer.directory)
    assert not trace.torn
    assert [problem.code for problem in verify(trace).problems] == ["no_start"]
    return list(trace.lines)


def test_two_threads(root: Path) -> None:
    count = 30
    start = threading.Barrier(2)

    def work(name: str) -> list[Line]:
        start.wait()
        return [
            writer.append(call(step, by=name, artifact=writer.put(f"artifact {step}".encode())))
            for step in range(1, count + 1)
        ]

    with TraceWriter.create(root) as writer, ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(work, ["a", "b"]))
    lines = calls(writer)
    assert lines == sorted([*answers[0], *answers[1]], key=lambda line: line.seq)
    assert [line.seq for line in lines] == list(range(1, 2 * count + 1))
    for name in ("a", "b"):
        own = [line.event.step for line in lines if line.event.arguments["by"] == name]
        assert own == list(range(1, count + 1))
    assert names(writer.directory / "artifacts") == {
        digest(f"artifact {step}".encode()) for step in range(1, count + 1)
    }


def test_artifact_is_named_by_its_content_and_kept_once(root: Path) -> None:
    with TraceWriter.create(root) as writer:
        assert writer.put(b"") == digest(b"")
        assert writer.put(b"mask") == writer.put(b"mask") == digest(b"mask")
    assert names(writer.directory / "artifacts") == {digest(b""), digest(b"mask")}
    assert read_trace(writer.directory).artifact(digest(b"mask")) == b"mask"


def fail(code: int) -> Callable[..., Any]:
    def failing(*_: object) -> Any:
        raise OSError(code, os.strerror(code))

    return failing


def full_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "write", fail(errno.ENOSPC))


def full_in_the_middle(patch: pytest.MonkeyPatch) -> None:
    write, left = os.write, [20]

    def some(descriptor: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = write(descriptor, data[: left[0]])
        left[0] -= taken
        return taken

    patch.setattr(os, "write", some)


def full_at_sync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "fsync", fail(errno.ENOSPC))


def broken_at_sync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "fsync", fail(errno.EIO))


faults = pytest.mark.parametrize(
    ("fault", "code"),
    [
        (full_at_once, "disk_full"),
        (full_in_the_middle, "disk_full"),
        (full_at_sync, "disk_full"),
        (broken_at_sync, "trace_not_writable"),
    ],
)


@faults
def test_failing_disk_ends_the_writer_with_whole_lines(
    root: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, code: str
) -> None:
    with TraceWriter.create(root) as writer:
        writer.append(call(1))
        writer.append(call(2))
        with monkeypatch.context() as patch:
            fault(patch)
            with pytest.raises(OutputError) as caught:
                writer.append(call(3, text="x" * 100))
        assert caught.value.code == code
        assert caught.value.hint
        # The disk is well again, but what it holds was once unknown.
        with pytest.raises(OutputError) as again:
            writer.append(call(4))
        assert again.value.code == code
        with pytest.raises(OutputError):
            writer.put(b"a")
    assert [line.event.step for line in calls(writer)] == [1, 2]


@faults
def test_failing_disk_leaves_no_half_artifact(
    root: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, code: str
) -> None:
    data = b"mask" * 100
    with TraceWriter.create(root) as writer:
        with monkeypatch.context() as patch:
            fault(patch)
            with pytest.raises(OutputError) as caught:
                writer.put(data)
        assert caught.value.code == code
        assert names(writer.directory / "artifacts") == set()
        for act in (lambda: writer.put(data), lambda: writer.append(call())):
            with pytest.raises(OutputError) as again:
                act()
            assert again.value.code == code
    assert read_trace(writer.directory).lines == ()


def test_artifact_whose_name_is_not_durable_is_not_trusted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TraceWriter.create(root) as writer:
        with monkeypatch.context() as patch:
            patch.setattr("cxr_agent.trace.writer.sync_folder", fail(errno.EIO))
            writer.put(b"mask")
            with pytest.raises(OutputError):
                writer.append(call())
        assert names(writer.directory / "artifacts") == {digest(b"mask")}
        assert read_trace(writer.directory).lines == ()
        with pytest.raises(OutputError):
            writer.put(b"mask")


def test_failing_disk_when_a_run_begins(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        full_at_sync(patch)
        with pytest.raises(OutputError) as caught:
            TraceWriter.create(root, "run-1")
    assert caught.value.code == "disk_full"
    assert names(root) == set()
    TraceWriter.create(root, "run-1").close()


def test_half_a_line_that_cannot_be_taken_back_is_a_torn_end(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TraceWriter.create(root) as writer:
        writer.append(call(1))
        with monkeypatch.context() as patch:
            full_in_the_middle(patch)
            patch.setattr(os, "ftruncate", fail(errno.EIO))
            with pytest.raises(OutputError):
                writer.append(call(2))
        with pytest.raises(OutputError):
            writer.append(call(3))
    trace = read_trace(writer.directory)
    assert trace.torn
    assert [line.seq for line in trace.lines] == [1]


def test_limit_of_the_kernel_on_the_size_of_a_file(root: Path) -> None:
    with TraceWriter.create(root) as writer:
        writer.append(call(1))
        size = (writer.directory / "trace.jsonl").stat().st_size
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, hard))
        try:
            with pytest.raises(OutputError) as caught:
                writer.append(call(2))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "trace_not_writable"
    assert [line.event.step for line in calls(writer)] == [1]


def test_interrupt_takes_the_line_back_and_the_end_can_be_written(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with TraceWriter.create(root) as writer:
        writer.append(call(1))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", interrupt)
            with pytest.raises(KeyboardInterrupt):
                writer.append(call(2))
        writer.append(RunFinished(status="failed", code="internal_error", seconds=1))
    assert [line.event.type for line in calls(writer)] == ["tool_called", "run_finished"]
    assert writer.ended
