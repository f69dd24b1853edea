"""Which runs there are, and the one that is meant."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cxr_agent.errors import TraceError
from cxr_agent.trace import RunStarted, TraceWriter, find, find_trace, list_traces

from .conftest import write_example


def refused(root: Path, name: str) -> str:
    with pytest.raises(TraceError) as caught:
        find_trace(root, name)
    assert caught.value.hint
    return caught.value.code


@pytest.fixture
def three(root: Path) -> Path:
    for name in ("20260101-aa", "20260101-ab", "20260102-aa"):
        write_example(root, name)
    return root


def test_by_id(three: Path) -> None:
    assert find_trace(three, "20260101-ab") == three / "20260101-ab"


def test_by_beginning(three: Path) -> None:
    assert find_trace(three, "20260102") == three / "20260102-aa"
    assert find_trace(three, "20260101-ab"[:11]) == three / "20260101-ab"


def test_beginning_of_several(three: Path) -> None:
    assert refused(three, "20260101") == "trace_ambiguous"
    assert refused(three, "2") == "trace_ambiguous"


def test_id_that_is_the_beginning_of_another(three: Path) -> None:
    write_example(three, "20260101-ab-2")
    assert find_trace(three, "20260101-ab") == three / "20260101-ab"


def test_by_path(three: Path, tmp_path: Path) -> None:
    run = three / "20260101-aa"
    for name in (run, run / "trace.jsonl", f"{run}/"):
        assert find_trace(tmp_path / "elsewhere", str(name)) == run


def test_last_is_the_newest_start_not_the_greatest_name(three: Path) -> None:
    write_example(three, "0-newest")
    assert find_trace(three, "last") == three / "0-newest"
    assert [header.name for header in list_traces(three)][-1] == "20260101-aa"


@pytest.mark.parametrize("name", ["", "nothing", "0", "a/b", "a\0b", "20260101-aa/artifacts", "["])
def test_nothing_by_that_name(three: Path, name: str) -> None:
    assert refused(three, name) == "trace_not_found"


def test_name_that_is_too_long(three: Path) -> None:
    assert refused(three, "x" * 5000) == "trace_not_readable"


def test_no_folder_of_traces(tmp_path: Path) -> None:
    assert list_traces(tmp_path / "none") == ()
    assert refused(tmp_path / "none", "last") == "trace_not_found"


def test_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TraceError) as caught:
        list_traces(tmp_path / "file")
    assert caught.value.code == "trace_not_readable"


def test_header(folder: Path, root: Path) -> None:
    (header,) = list_traces(root)
    assert (header.name, header.directory) == ("run-1", folder)
    assert header.started is not None
    assert header.started.endswith("Z")
    assert (header.planner, header.program_version) == ("llm", "0.2.0")
    assert (header.status, header.seconds, header.problem) == ("partial", 2.5, None)


def lose_lines(folder: Path) -> None:
    (folder / "trace.jsonl").unlink()


def lines_as_folder(folder: Path) -> None:
    lose_lines(folder)
    (folder / "trace.jsonl").mkdir()


def lines_as_pipe(folder: Path) -> None:
    lose_lines(folder)
    os.mkfifo(folder / "trace.jsonl")


def lines_as_broken_link(folder: Path) -> None:
    lose_lines(folder)
    (folder / "trace.jsonl").symlink_to("nowhere")


def first_line_garbage(folder: Path) -> None:
    file = folder / "trace.jsonl"
    file.write_bytes(b"garbage" + file.read_bytes())


def newer_version(folder: Path) -> None:
    file = folder / "trace.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"schema_version":2', b'"schema_version":3'))


def endless_line(folder: Path) -> None:
    (folder / "trace.jsonl").write_bytes(b"x" * 6000)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lose_lines, "trace_not_found"),
        (lines_as_folder, "trace_not_found"),
        (lines_as_pipe, "trace_not_found"),
        (lines_as_broken_link, "trace_not_found"),
        (first_line_garbage, "trace_damaged"),
        (newer_version, "trace_schema"),
        (endless_line, "trace_damaged"),
    ],
)
def test_damaged_run_is_listed_and_hides_no_other(
    three: Path, spoil: object, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "MAX_LINE_BYTES", 5000)
    assert callable(spoil)
    spoil(three / "20260101-ab")
    problems = {header.name: header.problem for header in list_traces(three)}
    assert problems == {"20260101-aa": None, "20260101-ab": problem, "20260102-aa": None}
    assert find_trace(three, "20260101-ab") == three / "20260101-ab"


def test_newest_run_is_last_even_when_damaged(three: Path) -> None:
    newest = write_example(three, "0-newest")
    first_line_garbage(newest)
    # The clock of a file system may be some milliseconds behind ours.
    soon = time.time() + 1
    os.utime(newest / "trace.jsonl", (soon, soon))
    assert find_trace(three, "last") == newest


def test_folder_that_is_closed_to_us(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may look everywhere, so the refusal is made up."""
    closed = three / "20260101-ab"

    def refusing(method: str) -> None:
        real = getattr(Path, method)

        def guarded(self: Path, *arguments: object, **named: object) -> object:
            if closed in (self, self.parent) and (method, self) != ("is_dir", closed):
                raise PermissionError(13, "Permission denied")
            return real(self, *arguments, **named)

        monkeypatch.setattr(Path, method, guarded)

    for method in ("iterdir", "is_file", "open"):
        refusing(method)
    problems = {header.name: header.problem for header in list_traces(three)}
    assert problems["20260101-ab"] == "trace_not_readable"
    assert len(problems) == 3


def test_what_is_no_run_is_not_listed(folder: Path, root: Path) -> None:
    (root / "README.md").write_text("text")
    (root / "golden" / "v1").mkdir(parents=True)
    (root / "broken").symlink_to("nowhere")
    assert [header.name for header in list_traces(root)] == [folder.name]


def test_run_that_goes_on(root: Path) -> None:
    with TraceWriter.create(root) as writer:
        (header,) = list_traces(root)
        assert (header.started, header.status, header.problem) == (None, None, None)
        writer.append(RunStarted(run_id=writer.run_id, program_version="1", planner="llm"))
        (header,) = list_traces(root)
        assert (header.planner, header.status, header.problem) == ("llm", None, None)


def test_torn_end_is_no_end(root: Path, lines: Path) -> None:
    data = lines.read_bytes()
    for spoiled in (data[:-1], data[:-200], data + b"{", data + b"garbage\n"):
        lines.write_bytes(spoiled)
        (header,) = list_traces(root)
        assert (header.status, header.problem) == (None, None)


def test_long_lines_before_the_end_are_not_read(root: Path) -> None:
    with TraceWriter.create(root) as writer:
        start = RunStarted(
            run_id="r", program_version="1", planner="llm", config={"text": "x" * 200_000}
        )
        writer.append(start)
        writer.append(start)
    (header,) = list_traces(root)
    assert (header.planner, header.status) == ("llm", None)
