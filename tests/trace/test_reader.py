"""Reading a run: a cut-off end is tolerated and said, a damaged middle is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cxr_agent.errors import TraceError
from cxr_agent.trace import RunFinished, Trace, TraceWriter, find, read_trace, reader, verify
from cxr_agent.trace.layout import HEAD
from cxr_agent.trace.line import digest

from .example import COUNT, PICTURE, RUN_ID, example_events

SECRET = "SECRET^NAME"


def refused(path: Path) -> TraceError:
    with pytest.raises(TraceError) as caught:
        read_trace(path)
    assert SECRET not in f"{caught.value} {caught.value.hint}"
    return caught.value


def with_line(file: Path, number: int, data: bytes) -> None:
    """Put ``data`` in the place of one line."""
    lines = file.read_bytes().split(b"\n")
    lines[number - 1] = data
    file.write_bytes(b"\n".join(lines))


def test_by_folder_and_by_file(folder: Path, lines: Path) -> None:
    assert read_trace(folder) == read_trace(lines)


def test_properties(folder: Path) -> None:
    trace = read_trace(folder)
    assert trace.run_id == "run-1"
    assert trace.started == trace.events[0]
    assert trace.finished == trace.events[-1]
    data = (folder / "trace.jsonl").read_bytes()
    assert trace.digests == tuple(digest(line) for line in data.split(b"\n")[:-1])


def test_renamed_folder_keeps_its_run_id(folder: Path) -> None:
    moved = folder.rename(folder.with_name("moved"))
    assert read_trace(moved).run_id == "run-1"
    assert verify(read_trace(moved)).intact


def test_cut_off_anywhere(lines: Path) -> None:
    """Every place at which a write can have stopped."""
    data = lines.read_bytes()
    whole = read_trace(lines)
    (lines.parent / HEAD).unlink()  # it is written last
    ends = [place + 1 for place, byte in enumerate(data) if byte == 0x0A]
    close = {end + shift for end in [0, *ends] for shift in (-2, -1, 0, 1)}
    for cut in sorted(({*range(0, len(data), 23)} | close) & {*range(len(data) + 1)}):
        lines.write_bytes(data[:cut])
        trace = read_trace(lines)
        count = sum(end <= cut for end in ends)
        assert trace.lines == whole.lines[:count]
        assert trace.torn is (cut not in {0, *ends})
        ended = count > 0 and isinstance(whole.events[count - 1], RunFinished)
        assert (trace.finished is not None) is ended
        assert [p.code for p in verify(trace).problems] == ([] if count else ["no_start"])
        assert verify(trace).torn is trace.torn


def test_zeros_after_a_power_cut_are_a_torn_end(lines: Path) -> None:
    with lines.open("ab") as file:
        file.write(bytes(4096))
    trace = read_trace(lines)
    assert trace.torn
    assert len(trace.lines) == COUNT


EVENT = b'"event":{"gate":"g","passed":true,"action":"kept","type":"gate_verdict"}'
PLACE = (
    b'"monotonic":0.0,"previous":"' + b"0" * 64 + b'","seq":4,"time":"2026-01-01T12:00:00.000000Z"'
)


def test_the_hand_made_line_is_fine(lines: Path) -> None:
    with_line(lines, 4, b"{" + EVENT + b"," + PLACE + b"}")
    assert len(read_trace(lines).lines) == COUNT


@pytest.mark.parametrize("number", [1, 4, COUNT])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 300,
        b"null",
        b"[]",
        b'"text"',
        b"SECRET^NAME",
        b"\xff\xfe{}",
        b"{" + EVENT + b"}",
        b"{" + PLACE + b"}",
        b"{" + EVENT + b"," + PLACE,
        b"{" + EVENT + b"," + PLACE + b"}{}",
        b"{" + EVENT + b"," + PLACE + b',"SECRET^NAME":1}',
        b"{" + EVENT.replace(b"true", b"NaN") + b"," + PLACE + b"}",
        b"{" + EVENT.replace(b"gate_verdict", b"SECRET^NAME") + b"," + PLACE + b"}",
        b"{" + EVENT.replace(b'"g"', b'"\\ud800"') + b"," + PLACE + b"}",
        b"{" + EVENT + b"," + PLACE.replace(b"2026-01", b"2026-13") + b"}",
        b"{" + EVENT + b"," + PLACE.replace(b"0.0", b"1e999") + b"}",
        b"{" + EVENT + b"," + PLACE.replace(b":4", b":" + b"9" * 5000) + b"}",
        b"[" * 100_000,
        b'{"event":' * 100_000,
    ],
    ids=lambda data: repr(data[:40]) if isinstance(data, bytes) else None,
)
def test_damaged_line_is_refused_with_its_number(lines: Path, number: int, data: bytes) -> None:
    with_line(lines, number, data)
    error = refused(lines)
    assert error.code == "trace_damaged"
    assert f"line {number} " in error.message
    assert error.hint


@pytest.mark.parametrize("number", [1, COUNT])
def test_line_longer_than_any_is_refused_unread(
    lines: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_LINE_BYTES", 5000)
    monkeypatch.setattr(find, "MAX_LINE_BYTES", 5000)
    with_line(lines, number, b"x" * 6000)
    error = refused(lines)
    assert error.code == "trace_damaged"
    assert f"line {number} " in error.message


def test_longest_line_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with TraceWriter.create(root) as writer:
        writer.append(example_events(digest)[0])
        longest = (writer.directory / "trace.jsonl").stat().st_size - 1
        monkeypatch.setattr(reader, "MAX_LINE_BYTES", longest)
        assert len(read_trace(writer.directory).lines) == 1
        monkeypatch.setattr(reader, "MAX_LINE_BYTES", longest - 1)
        assert refused(writer.directory).code == "trace_damaged"


@pytest.mark.parametrize("version", [0, 3, 99])
def test_unknown_schema_version(lines: Path, version: int) -> None:
    first = lines.read_bytes().split(b"\n")[0]
    with_line(
        lines, 1, first.replace(b'"schema_version":2', f'"schema_version":{version}'.encode())
    )
    error = refused(lines)
    assert error.code == "trace_schema"
    assert f"version {version};" in error.message


@pytest.mark.parametrize("version", [b'"3"', b'"2"', b"false", b"null", b"[]", b"1.5"])
def test_schema_version_that_is_no_number_is_damage(lines: Path, version: bytes) -> None:
    first = lines.read_bytes().split(b"\n")[0]
    with_line(lines, 1, first.replace(b'"schema_version":2', b'"schema_version":' + version))
    assert refused(lines).code == "trace_damaged"


def test_no_trace(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "none", folder / "artifacts"):
        assert refused(path).code == "trace_not_found"


def test_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "trace.jsonl")
    assert refused(tmp_path).code == "trace_not_found"


def test_name_that_is_too_long(tmp_path: Path) -> None:
    assert refused(tmp_path / ("x" * 5000)).code == "trace_not_readable"


def test_file_that_cannot_be_read(lines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    trace = read_trace(lines)
    for method in ("open", "is_file"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, method, closed)
            assert refused(lines).code == "trace_not_readable"
            assert artifact_code(trace, digest(PICTURE)) == "trace_not_readable"


def artifact_code(trace: Trace, sha256: str) -> str:
    with pytest.raises(TraceError) as caught:
        trace.artifact(sha256)
    assert caught.value.message.isprintable()
    return caught.value.code


def test_artifact(folder: Path) -> None:
    assert read_trace(folder).artifact(digest(PICTURE)) == PICTURE


def test_artifact_that_is_missing_or_changed(folder: Path) -> None:
    trace = read_trace(folder)
    file = folder / "artifacts" / digest(PICTURE)
    file.write_bytes(PICTURE[:-1])
    assert artifact_code(trace, digest(PICTURE)) == "artifact_damaged"
    file.unlink()
    assert artifact_code(trace, digest(PICTURE)) == "artifact_missing"
    file.mkdir()
    assert artifact_code(trace, digest(PICTURE)) == "artifact_missing"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../trace.jsonl",
        "../../secret",
        "/etc/passwd",
        "a\0b",
        "\x1b[31m",
        digest(PICTURE).upper(),
        digest(PICTURE) + "\n",
        "./" + digest(PICTURE),
        "x" * 5000,
    ],
)
def test_artifact_name_does_not_lead_out_of_the_folder(folder: Path, name: str) -> None:
    (folder.parent / "secret").write_bytes(b"secret")
    assert artifact_code(read_trace(folder), name) == "artifact_missing"


def test_golden_run_id_is_not_needed_to_read(root: Path) -> None:
    """The reader takes a run whatever its folder is called."""
    with TraceWriter.create(root, "other") as writer:
        writer.append(example_events(writer.put)[0])
    assert read_trace(root / "other").run_id == RUN_ID
