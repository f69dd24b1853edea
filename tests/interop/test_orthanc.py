"""The right priors out of a real archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import RemoteError, UsageError
from cxr_agent.imaging import Decoder
from cxr_agent.study import View
from cxr_agent.testing.phantom import draw
from tests.cli.program import levels, run_program
from tests.imaging.films import dicom

from .archive import LOGIN, Archive
from .films import film, search


def put_current(archive: Archive, tmp_path: Path, patient: str, **values: Any) -> Path:
    """The current film, on the disk and in the archive."""
    current = tmp_path / "now.dcm"
    current.write_bytes(film(patient, 0, **values))
    archive.put(current.read_bytes())
    return current


def test_the_right_priors_are_found(archive: Archive, tmp_path: Path, decoder: Decoder) -> None:
    current = put_current(archive, tmp_path, "RIGHT")
    year = {"StudyDate": "20190110", "StudyInstanceUID": "1.2.900.1"}
    week = {"StudyDate": "20200103", "StudyInstanceUID": "1.2.900.2"}
    for number, values in enumerate(
        [
            {**year},
            {**week, "ViewPosition": "AP"},
            {**week},
            {**week, "ViewPosition": "LL"},
            {"StudyDate": "20200111"},
            {"StudyDate": "20180110", "PatientID": "WRONG"},
            {"StudyDate": "20190110", "PatientID": "RIGHT2"},
            {"StudyDate": "20190110", "Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"},
            {"StudyDate": "20190110", "BodyPartExamined": "HAND"},
            {"StudyInstanceUID": "1.2.900.3", "StudyDate": None},
        ],
        1,
    ):
        archive.put(film("RIGHT", number, **values))
    archive.put(film("RIGHT", 1, StudyDate="20180101", SOPInstanceUID="1.2.900.9.9"))
    study, found = search(archive.url_with_login, current, decoder)
    assert [(prior.days_before, prior.view) for prior in study.priors] == [
        (7, View.PA),
        (365, View.PA),
    ]
    assert found.passed == {
        "same_study": 1,
        "lateral_view": 1,
        "unsupported_modality": 1,
        "not_chest": 1,
        "duplicate_film": 1,
        "one_per_study": 1,
    }
    assert "RIGHT" not in repr((study, found))


def test_a_patient_without_priors(archive: Archive, tmp_path: Path, decoder: Decoder) -> None:
    current = put_current(archive, tmp_path, "ALONE")
    study, found = search(archive.url_with_login, current, decoder)
    assert not study.priors
    assert found.summary == "no prior taken of 1 file: 1 same_study"


def test_a_patient_that_is_not_there(archive: Archive, tmp_path: Path, decoder: Decoder) -> None:
    (tmp_path / "now.dcm").write_bytes(film("NOBODY", 0))
    _, found = search(archive.url_with_login, tmp_path / "now.dcm", decoder)
    assert found.summary == "no prior taken of 0 files"


def test_the_five_newest(archive: Archive, tmp_path: Path, decoder: Decoder) -> None:
    current = put_current(archive, tmp_path, "MANY")
    for number in range(1, 9):
        archive.put(film("MANY", number, StudyDate=f"2020010{number}"))
    study, found = search(archive.url_with_login, current, decoder)
    assert [prior.days_before for prior in study.priors] == [2, 3, 4, 5, 6]
    assert found.cut


@pytest.mark.parametrize(("kept", "taken"), [("Clinic", 1), (None, 1), ("Elsewhere", 0)])
def test_the_issuer_counts_where_both_name_one(
    archive: Archive, tmp_path: Path, decoder: Decoder, kept: str | None, taken: int
) -> None:
    patient = f"ISSUED-{kept}"
    (tmp_path / "now.dcm").write_bytes(film(patient, 0, IssuerOfPatientID="Clinic"))
    archive.put(film(patient, 1, StudyDate="20190110", IssuerOfPatientID=kept))
    study, found = search(archive.url_with_login, tmp_path / "now.dcm", decoder)
    assert len(study.priors) == taken
    assert found.passed == ({} if taken else {"other_patient": 1})


def test_compressed_films_are_read(archive: Archive, tmp_path: Path, decoder: Decoder) -> None:
    current = put_current(archive, tmp_path, "SMALL")
    archive.put(
        film(
            "SMALL",
            1,
            StudyDate="20190110",
            compress="1.2.840.10008.1.2.4.90",
            PlanarConfiguration=None,
        )
    )
    assert search(archive.url_with_login, current, decoder)[1].taken == 1


def test_without_credentials(archive: Archive, tmp_path: Path, decoder: Decoder) -> None:
    current = put_current(archive, tmp_path, "LOCKED")
    with pytest.raises(RemoteError, match="dicomweb_refused") as refused:
        search(archive.url, current, decoder)
    assert "127.0.0.1" not in f"{refused.value} {refused.value.hint}"


def test_a_wrong_path(archive: Archive, tmp_path: Path, decoder: Decoder) -> None:
    current = put_current(archive, tmp_path, "ASTRAY")
    with pytest.raises(RemoteError, match="dicomweb_refused"):
        search(archive.url_with_login + "more", current, decoder)


@pytest.mark.parametrize("patient", [None, "*", "WILD*"])
def test_a_film_of_nobody_asks_for_nobody(
    archive: Archive, tmp_path: Path, decoder: Decoder, patient: str | None
) -> None:
    (tmp_path / "now.dcm").write_bytes(film(patient, 0))
    with pytest.raises(UsageError, match="no_patient_id"):
        search(archive.url_with_login, tmp_path / "now.dcm", decoder)


@pytest.mark.slow
def test_the_command(archive: Archive, tmp_path: Path) -> None:
    phantom = draw()
    names = {"PatientID": "MARTHA-77", "IssuerOfPatientID": "Clinic"}
    current = tmp_path / "now.dcm"
    current.write_bytes(dicom(levels(phantom.pixels, 12), StudyInstanceUID="1.2.77.1", **names))
    archive.put(
        dicom(
            levels(0.97 * phantom.pixels, 12),
            StudyDate="20190214",
            StudyInstanceUID="1.2.77.2",
            SeriesInstanceUID="1.2.77.3",
            SOPInstanceUID="1.2.77.4",
            **names,
        )
    )
    ran = run_program(
        "read",
        current,
        "--priors-from",
        archive.url_with_login,
        "--json",
        traces=tmp_path / "traces",
        env={"TMPDIR": str(tmp_path)},
    )
    assert ran.status == 0, ran.err
    assert [film["handle"] for film in ran.json["films"]] == ["img-1", "prior-1"]
    assert ran.json["films"][1]["days_before"] == 28
    assert ran.err.splitlines()[0] == "1 prior taken of 1 file"
    kept = [path for path in (tmp_path / "traces").rglob("*") if path.is_file()]
    assert kept
    for text in (*LOGIN, "MARTHA", "1.2.77", "20190214", str(archive.port)):
        assert text not in ran.out + ran.err
        assert not [path for path in kept if text.encode() in path.read_bytes()], text
    assert not list(tmp_path.glob("cxr-agent-*"))
