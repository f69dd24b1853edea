"""Which files are taken for the films of a run, and what never leaves them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr_agent.errors import ConfigError, CxrAgentError, InputError, OutputError, TraceError
from cxr_agent.imaging import Decoder
from cxr_agent.interop.objects import dicom_objects, library
from cxr_agent.interop.objects.recorded import recorded_report
from cxr_agent.trace import RunFinished, RunStarted, TraceWriter
from tests.imaging.films import png

from .runs import SECRETS, Run, Stated, picture, source, usual, written


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return written(tmp_path_factory.mktemp("run"), [source()])


def refused(decoder: Decoder, code: str, run: Path, *films: Path) -> CxrAgentError:
    """The error, which holds nothing of the file."""
    with pytest.raises(CxrAgentError) as error:
        dicom_objects(run, films, decoder)
    assert error.value.code == code
    told = error.value.message + error.value.hint
    assert not any(secret in told for secret in SECRETS)
    assert "\n" not in told
    return error.value


def test_made_twice_they_are_the_same(run: Run, decoder: Decoder) -> None:
    first = dicom_objects(run.folder, run.sources, decoder)
    assert dicom_objects(run.folder, run.sources, decoder) == first
    assert len(first) == 3


def test_a_folder_is_searched_and_other_files_are_passed_over(
    run: Run, tmp_path: Path, decoder: Decoder
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "letter.txt").write_text("Dear colleague")
    (tmp_path / "b.dcm").write_bytes(source(picture()[::-1].copy(), 2))
    shutil.copy(run.sources[0], tmp_path / "a" / "c")
    assert dicom_objects(run.folder, [tmp_path], decoder) == dicom_objects(
        run.folder, run.sources, decoder
    )


def test_another_film_is_refused(run: Run, tmp_path: Path, decoder: Decoder) -> None:
    other = tmp_path / "SECRET.dcm"
    other.write_bytes(source(picture()[::-1].copy()))
    error = refused(decoder, "source_not_of_run", run.folder, other)
    assert isinstance(error, InputError)
    assert error.exit_status == 3


def test_all_current_films_are_needed(tmp_path: Path, decoder: Decoder) -> None:
    run = written(tmp_path, [source(), source(picture()[::-1].copy(), 2)])
    error = refused(decoder, "source_missing", run.folder, run.sources[0])
    assert "img-2" in error.message


def test_a_prior_need_not_be_given(tmp_path: Path, decoder: Decoder) -> None:
    prior = source(picture()[::-1].copy(), 2, 2, StudyDate="20180101")
    of_prior = Stated(usual()[6].observation, image="prior-1")
    run = written(tmp_path, [source()], [*usual(), of_prior], [prior])
    without = dicom_objects(run.folder, run.sources[:1], decoder)[0]
    both = dicom_objects(run.folder, run.sources, decoder)[0]
    uid, mine = b"1.2.826.0.1.3680043.9.1.2.2.2", run.report.evidence[-1].reading.encode()
    assert uid in both
    assert mine in both
    # What is of a film without a reference would be taken for the current one's.
    assert uid not in without
    assert mine not in without


def test_a_picture_without_uids_is_refused(tmp_path: Path, decoder: Decoder) -> None:
    run = written(tmp_path, [png(picture() * 16)])
    refused(decoder, "source_not_dicom", run.folder, *run.sources)


def test_a_film_without_uids_is_refused(tmp_path: Path, decoder: Decoder) -> None:
    run = written(tmp_path, [source(StudyInstanceUID=None)])
    refused(decoder, "source_without_uids", run.folder, *run.sources)


def test_a_run_that_was_refused_gives_nothing(run: Run, tmp_path: Path, decoder: Decoder) -> None:
    with TraceWriter.create(tmp_path) as writer:
        writer.append(RunStarted(run_id=writer.run_id, program_version="1", planner="protocol 6"))
        writer.append(RunFinished(status="refused", code="not_chest", seconds=1))
    error = refused(decoder, "no_report", writer.directory, *run.sources)
    assert isinstance(error, TraceError)


def test_a_report_that_rests_on_nothing_gives_no_object(tmp_path: Path, decoder: Decoder) -> None:
    run = written(tmp_path, [source()], [])
    assert isinstance(refused(decoder, "no_evidence", run.folder, *run.sources), OutputError)


def test_a_run_that_was_changed_gives_nothing(tmp_path: Path, decoder: Decoder) -> None:
    run = written(tmp_path, [source()])
    file = run.folder / "trace.jsonl"
    file.write_text(file.read_text().replace("0.4660194174757282", "0.5660194174757282"))
    refused(decoder, "trace_damaged", run.folder, *run.sources)


def test_the_missing_library_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, decoder: Decoder
) -> None:
    monkeypatch.setattr(library, "find_spec", lambda _: None)
    error = refused(decoder, "dicom_missing", run.folder, *run.sources)
    assert isinstance(error, ConfigError)
    assert "cxr-agent[dicom]" in error.hint


TEXTS = ("", " ", "SECRET", "NÄME^^^^^^", "x" * 200, "9" * 20, "-1", "1e999", "20191301", "M\\F")
NUMBERS = ("", "-1", "0", "1e999", "1\\2", "1\\2\\3")
HEADER = {
    **dict.fromkeys(
        (
            *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "IssuerOfPatientID"),
            *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
            *("StudyDescription", "TimezoneOffsetFromUTC", "RescaleType", "SpecificCharacterSet"),
            *("StudyInstanceUID", "PresentationLUTShape", "VOILUTFunction"),
        ),
        TEXTS,
    ),
    **dict.fromkeys(
        ("WindowCenter", "WindowWidth", "PixelSpacing", "ImagerPixelSpacing", "RescaleSlope"),
        NUMBERS,
    ),
}
ODD = st.lists(
    st.sampled_from([(name, value) for name, values in HEADER.items() for value in values]),
    min_size=1,
    max_size=4,
).map(dict)


@given(values=ODD)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_an_odd_header_gives_objects_or_a_reason(
    values: dict[str, str], decoder: Decoder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    try:
        run = written(tmp_path_factory.mktemp("odd"), [source(**values)], usual()[2:4])
    except InputError:
        return  # it is not read in the first place
    told = ""
    try:
        made = dicom_objects(run.folder, run.sources, decoder)
    except CxrAgentError as error:
        told = str(error)
    else:
        assert len(made) == 3
    assert not any(secret in told for secret in SECRETS)


def test_a_name_that_the_library_finds_odd_is_not_logged(
    tmp_path: Path, decoder: Decoder, caplog: pytest.LogCaptureFixture
) -> None:
    run = written(tmp_path, [source(PatientName="SECRET")])
    assert dicom_objects(run.folder, run.sources, decoder)
    assert "SECRET" not in caplog.text


def test_nothing_of_the_source_goes_into_the_trace(run: Run, decoder: Decoder) -> None:
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    dicom_objects(run.folder, run.sources, decoder)
    after = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    assert after == before
    assert not any(s.encode() in data for s in SECRETS for data in after.values())
    assert "SECRET" not in repr(recorded_report(run.folder))
