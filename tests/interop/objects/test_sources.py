"""Which files are taken for the films of a run, and what never leaves them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cxr_agent.errors import ConfigError, CxrAgentError, InputError, OutputError, TraceError
from cxr_agent.interop.objects import dicom_objects, library
from cxr_agent.interop.objects.recorded import recorded_report
from cxr_agent.trace import RunFinished, RunStarted, TraceWriter
from tests.imaging.films import png

from .runs import SECRETS, Run, picture, source, written


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return written(tmp_path_factory.mktemp("run"), [source()])


def refused(code: str, run: Path, *films: Path) -> CxrAgentError:
    """The error, which holds nothing of the file."""
    with pytest.raises(CxrAgentError) as error:
        dicom_objects(run, films)
    assert error.value.code == code
    told = error.value.message + error.value.hint
    assert not any(secret in told for secret in SECRETS)
    assert "\n" not in told
    return error.value


def test_made_twice_they_are_the_same(run: Run) -> None:
    first = dicom_objects(run.folder, run.sources)
    assert dicom_objects(run.folder, run.sources) == first
    assert len(first) == 3


def test_a_folder_is_searched_and_other_files_are_passed_over(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "letter.txt").write_text("Dear colleague")
    (tmp_path / "b.dcm").write_bytes(source(picture()[::-1].copy(), 2))
    shutil.copy(run.sources[0], tmp_path / "a" / "c")
    assert dicom_objects(run.folder, [tmp_path]) == dicom_objects(run.folder, run.sources)


def test_another_film_is_refused(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "SECRET.dcm"
    other.write_bytes(source(picture()[::-1].copy()))
    error = refused("source_not_of_run", run.folder, other)
    assert isinstance(error, InputError)
    assert error.exit_status == 3


def test_all_current_films_are_needed(tmp_path: Path) -> None:
    run = written(tmp_path, [source(), source(picture()[::-1].copy(), 2)])
    error = refused("source_missing", run.folder, run.sources[0])
    assert "img-2" in error.message


def test_a_prior_need_not_be_given(tmp_path: Path) -> None:
    prior = source(picture()[::-1].copy(), 2, 2, StudyDate="20180101")
    run = written(tmp_path, [source()], priors=[prior])
    without = dicom_objects(run.folder, run.sources[:1])[0]
    uid = b"1.2.826.0.1.3680043.9.1.2.2.2"
    assert uid not in without
    assert uid in dicom_objects(run.folder, run.sources)[0]


def test_a_picture_without_uids_is_refused(tmp_path: Path) -> None:
    run = written(tmp_path, [png(picture() * 16)])
    refused("source_not_dicom", run.folder, *run.sources)


def test_a_film_without_uids_is_refused(tmp_path: Path) -> None:
    run = written(tmp_path, [source(StudyInstanceUID=None)])
    refused("source_without_uids", run.folder, *run.sources)


def test_a_run_that_was_refused_gives_nothing(run: Run, tmp_path: Path) -> None:
    with TraceWriter.create(tmp_path) as writer:
        writer.append(RunStarted(run_id=writer.run_id, program_version="1", planner="protocol 6"))
        writer.append(RunFinished(status="refused", code="not_chest", seconds=1))
    error = refused("no_report", writer.directory, *run.sources)
    assert isinstance(error, TraceError)


def test_a_report_that_rests_on_nothing_gives_no_object(tmp_path: Path) -> None:
    run = written(tmp_path, [source()], [])
    assert isinstance(refused("no_evidence", run.folder, *run.sources), OutputError)


def test_a_run_that_was_changed_gives_nothing(tmp_path: Path) -> None:
    run = written(tmp_path, [source()])
    file = run.folder / "trace.jsonl"
    file.write_text(file.read_text().replace("0.4660194174757282", "0.5660194174757282"))
    refused("trace_damaged", run.folder, *run.sources)


def test_the_missing_library_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "find_spec", lambda _: None)
    error = refused("dicom_missing", run.folder, *run.sources)
    assert isinstance(error, ConfigError)
    assert "cxr-agent[dicom]" in error.hint


def test_nothing_of_the_source_goes_into_the_trace(run: Run) -> None:
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    dicom_objects(run.folder, run.sources)
    after = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    assert after == before
    assert not any(s.encode() in data for s in SECRETS for data in after.values())
    assert "SECRET" not in repr(recorded_report(run.folder))
