"""Runs to pass on: nothing that identifies, a chain that closes, the same bytes each time."""

from __future__ import annotations

import io
import json
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from cxr_agent.cli.trace_privacy import MASKED, NOT_KEPT, keeping_of
from cxr_agent.errors import TraceError
from cxr_agent.trace import (
    Asked,
    Corrected,
    ImageRecord,
    RunStarted,
    StudyLoaded,
    ToolReturned,
    Trace,
    TraceWriter,
    read_trace,
    verify,
)
from cxr_agent.trace.layout import HEAD, LINES
from cxr_agent.trace.line import digest, encode
from cxr_agent.trace.plain_files import plain_png, plain_svg
from cxr_agent.trace.redact import Keeping, Redactor
from cxr_agent.trace.share import MANIFEST, README, redacted, to_zip, whole

from .example import RUN_ID
from .golden import VERSION_1, VERSION_2
from .planted import QUESTION, SECRETS, TEXT, display, planted_run

modes = pytest.mark.parametrize("privacy", ["masked", "none"])


def shared(trace: Trace, privacy: str) -> bytes:
    keeping = keeping_of(privacy)
    run = whole(trace) if keeping is None else redacted(trace, keeping)
    return to_zip([run], privacy, "1")


def unzipped(data: bytes, folder: Path) -> Trace:
    """The one run of the archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    (run,) = (path for path in folder.iterdir() if path.is_dir())
    return read_trace(run)


def contents(data: bytes) -> bytes:
    """All names and bytes in an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return b"\n".join(name.encode() + archive.read(name) for name in archive.namelist())


@modes
def test_nothing_planted_gets_out(root: Path, tmp_path: Path, privacy: str) -> None:
    data = shared(read_trace(planted_run(root)), privacy)
    everything = contents(data).lower()
    for secret in SECRETS:
        assert secret.lower().encode() not in everything, secret
    for guess in (TEXT, QUESTION):
        assert digest(guess.encode()).encode() not in everything
    trace = unzipped(data, tmp_path / "u")
    assert verify(trace).intact
    assert verify(trace).sealed
    assert len(trace.lines) == 13
    assert trace.lines[0].time.startswith("2000-01-01T00:00:00.000000")


def test_masked_keeps_what_everybody_says(root: Path, tmp_path: Path) -> None:
    trace = unzipped(shared(read_trace(planted_run(root)), "masked"), tmp_path / "u")
    text = encode(trace.lines[5]).decode()
    assert "Enlarged cardiac silhouette: ratio 0.58, of [hidden]" in text
    assert "measure_ctr" in text
    corrected = next(event for event in trace if isinstance(event, Corrected))
    assert corrected.who == MASKED
    assert corrected.why.endswith("[hidden]")
    assert "cough" in corrected.why
    asked = next(event for event in trace if isinstance(event, Asked))
    assert asked.text == "is the heart of [hidden] enlarged?"
    started = trace.started
    assert started is not None
    assert started.config["tools"] == ["measure_ctr 2.0"]
    assert started.versions == {"numpy": "2.4.6"}
    assert trace.why(1).support[0].evidence.tool == "measure_ctr"


def test_masked_keeps_pictures_and_none_does_not(root: Path, tmp_path: Path) -> None:
    source = read_trace(planted_run(root))
    for privacy, files in (("masked", {"lines"}), ("none", set())):
        trace = unzipped(shared(source, privacy), tmp_path / privacy)
        loaded = next(event for event in trace if isinstance(event, StudyLoaded))
        data = trace.artifact(loaded.images[0].display)
        returned = next(event for event in trace if isinstance(event, ToolReturned))
        placeholder = json.dumps(MASKED if privacy == "masked" else NOT_KEPT).encode() + b"\n"
        kept = {n for n, sha in returned.artifacts.items() if trace.artifact(sha) != placeholder}
        assert kept == files
        if privacy == "none":
            assert data == placeholder
        else:
            with Image.open(io.BytesIO(data)) as picture:
                assert (picture.size, picture.info) == ((64, 48), {})


def test_writing_in_a_film_is_painted_over(root: Path, tmp_path: Path) -> None:
    film = Image.new("L", (512, 512), 60)
    ImageDraw.Draw(film).text((40, 40), "ZZCANARY", fill=255, font_size=40)
    buffer = io.BytesIO()
    film.save(buffer, "PNG")
    with TraceWriter.create(root, "run") as writer:
        writer.append(RunStarted(run_id="run", program_version="1", planner="p"))
        put, facts = writer.put(buffer.getvalue()), {"rows": 512, "columns": 512, "view": "PA"}
        image = ImageRecord(handle="img-1", sha256=digest(b"p"), display=put, **facts)
        writer.append(StudyLoaded(images=(image,)))
    trace = unzipped(shared(read_trace(writer.directory), "masked"), tmp_path / "u")
    loaded = trace.events[1]
    assert isinstance(loaded, StudyLoaded)
    with Image.open(io.BytesIO(trace.artifact(loaded.images[0].display))) as picture:
        assert picture.getextrema() == (60, 60)


def test_full_is_the_run_itself(root: Path, tmp_path: Path) -> None:
    source = read_trace(planted_run(root))
    data = shared(source, "full")
    trace = unzipped(data, tmp_path / "u")
    assert trace.digests == source.digests
    assert verify(trace).intact
    for path in (source.directory / "artifacts").iterdir():
        assert path.read_bytes() == (trace.directory / "artifacts" / path.name).read_bytes()


@pytest.mark.parametrize("privacy", ["full", "masked", "none"])
@pytest.mark.parametrize("version", [VERSION_1, VERSION_2], ids=lambda path: path.name)
def test_golden_runs_can_be_shared(version: Path, privacy: str, tmp_path: Path) -> None:
    source = read_trace(version / RUN_ID)
    data = shared(source, privacy)
    assert data == shared(source, privacy)
    trace = unzipped(data, tmp_path / "u")
    assert verify(trace).intact
    assert [event.type for event in trace] == [event.type for event in source]
    assert [one.code for one in trace.evidence] == [one.code for one in source.evidence]
    assert trace.finished == source.finished or privacy != "full"
    between = [after.monotonic - before.monotonic for before, after in pairwise(trace.lines)]
    assert between[:8] == pytest.approx([0.125] * 8)


def test_the_manifest_tells_every_file(tmp_path: Path) -> None:
    source = read_trace(VERSION_2 / RUN_ID)
    data = shared(source, "none")
    trace = unzipped(data, tmp_path / "u")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        manifest = json.loads(archive.read(MANIFEST))
        files = {name: digest(archive.read(name)) for name in archive.namelist()}
        assert "--privacy none" in archive.read(README).decode()
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert manifest["files"] == {
        name: sha for name, sha in files.items() if name not in (MANIFEST, README)
    }
    (run,) = manifest["runs"]
    assert run["head"] == verify(trace).head
    assert run["run_id"] == trace.run_id == trace.directory.name
    assert "display of img-1" in run["replaced"]
    assert "messages of plan" in run["replaced"]


@pytest.mark.parametrize("privacy", ["full", "masked", "none"])
def test_the_end_of_a_shared_run_is_sealed_also_of_one_that_was_cut_off(
    folder: Path, lines: Path, tmp_path: Path, privacy: str
) -> None:
    (folder / HEAD).unlink()
    lines.write_bytes(lines.read_bytes()[:-9])
    made = unzipped(shared(read_trace(folder), privacy), tmp_path / "u")
    assert verify(made).sealed
    file = made.directory / LINES
    file.write_bytes(file.read_bytes().replace(b'"status":"partial"', b'"status":"complete"'))
    assert not verify(read_trace(made.directory)).intact


@modes
def test_two_modes_are_two_runs(privacy: str) -> None:
    source = read_trace(VERSION_2 / RUN_ID)
    keepings = [keeping_of(mode) for mode in ("masked", "none")]
    assert len({redacted(source, one).run_id for one in keepings if one is not None}) == 2


@modes
def test_names_that_are_none_are_masked_too(root: Path, privacy: str) -> None:
    with TraceWriter.create(root, "run") as writer:
        writer.append(RunStarted(run_id="run", program_version="1", planner="John Zzcanary"))
        image = ImageRecord(
            handle="/home/zz",
            sha256=digest(b""),
            rows=1,
            columns=1,
            view="of Zzcanary",
            display=writer.put(b""),
        )
        writer.append(StudyLoaded(images=(image,)))
        artifacts = {"John Zzcanary": image.display}
        writer.append(
            ToolReturned(step=1, tool="/home/zz", outcome="ok", seconds=0, artifacts=artifacts)
        )
    data = contents(shared(read_trace(writer.directory), privacy))
    assert b"anary" not in data
    assert b"/home/zz" not in data


def test_what_cannot_be_masked_is_not_shared(root: Path) -> None:
    with TraceWriter.create(root, "run") as writer:
        writer.append(RunStarted(run_id="run", program_version="1", planner="p"))
    keeping = Keeping(MASKED, str, lambda _: "", None)
    event = ToolReturned(step=1, tool="/home/zz", outcome="ok", seconds=0)
    with pytest.raises(TraceError) as caught:
        Redactor(read_trace(writer.directory), keeping, "other").event(event)
    assert caught.value.code == "trace_not_shareable"
    assert "/home" not in str(caught.value)


@pytest.mark.parametrize("data", [display()[:60], display()[:12], b"\x89PNG\r\n\x1a\n"])
def test_broken_png_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut off|no end"):
        plain_png(data)


@pytest.mark.parametrize(
    "data",
    [
        b"<svg",
        b"<svg/>",
        b'<svg xmlns="http://www.w3.org/2000/svg"><!-- Zzcanary --></svg>',
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="data:,x"/></svg>',
        '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aa">]>'
        '<svg xmlns="http://www.w3.org/2000/svg"><title>&a;</title></svg>'.encode("utf-16"),
    ],
)
def test_svg_that_is_more_than_lines_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"drawn|SVG|XML"):
        plain_svg(data, str)


def test_svg_keeps_its_lines() -> None:
    data = (
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" onload="x()" stroke="#ffd54a">'
        b'<path d="M0 0H1" data-name="a&amp;b"/>tail<title>t&lt;</title></svg>'
    )
    plain = plain_svg(data, str).decode()
    assert 'd="M0 0H1"' in plain
    assert 'data-name="a&amp;b"' in plain
    assert "<title>t&lt;</title>" in plain
    assert "onload" not in plain
    assert "tail" not in plain
