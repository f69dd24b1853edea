"""A study of a real archive, by its address."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_agent.errors import InputError, RemoteError, UsageError
from cxr_agent.imaging import Decoder, load_study
from cxr_agent.reading.remote import listed_films, study_films
from cxr_agent.testing.phantom import draw
from tests.cli.program import levels, run_program
from tests.imaging.films import dicom

from .archive import LOGIN, Archive
from .films import film

UID = "1.2.88.1"


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_DICOMWEB_LOGIN", ":".join(LOGIN))


@pytest.fixture(scope="module")
def full(archive: Archive) -> Archive:
    """A study with two frontal films, a lateral one and a report; and a lateral one alone."""
    archive.put(film("STUDY", 1, StudyInstanceUID=UID))
    archive.put(film("STUDY", 2, StudyInstanceUID=UID))
    archive.put(film("STUDY", 3, StudyInstanceUID=UID, ViewPosition="LL"))
    archive.put(film("STUDY", 4, StudyInstanceUID="1.2.88.2", ViewPosition="LL"))
    ct = {"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}
    archive.put(film("STUDY", 5, StudyInstanceUID="1.2.88.3", **ct))
    return archive


def test_the_films_of_a_study(full: Archive, decoder: Decoder) -> None:
    with study_films(f"{full.url}/studies/{UID}") as paths:
        assert len({decoder.decode(path).sha256 for path in paths[:2]}) == 2
        assert load_study(paths, decoder=decoder).unread_views == ("lateral_view",)
        folder = paths[0].parent
        assert folder.stat().st_mode & 0o77 == 0
    assert not folder.exists()
    with study_films(f"{full.url}/studies/1.2.88.2/") as (lateral,):
        assert lateral.exists()  # whoever reads it will say why not


@pytest.mark.parametrize(
    ("uid", "code"), [("1.2.88.99", "no_such_study"), ("1.2.88.3", "unsupported_modality")]
)
def test_there_is_no_film(full: Archive, uid: str, code: str) -> None:
    with pytest.raises(InputError, match=code) as refused, study_films(f"{full.url}/studies/{uid}"):
        pass
    assert uid not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    "address",
    [
        "https://host/dicom-web",
        "https://host/dicom-web/studies",
        "https://host/dicom-web/studies/1.2/series/3",
        "https://host/dicom-web/studies/1.2?x=y",
        "https://host/dicom-web/studies/../1",
        "ftp://host/studies/1.2",
    ],
)
def test_what_is_no_address_of_a_study(address: str) -> None:
    with pytest.raises(UsageError, match="bad_dicomweb_study"), study_films(address):
        pass


def test_two_patients_in_one_study(tmp_path: Path) -> None:
    paths = [tmp_path / "1.dcm", tmp_path / "2.dcm"]
    for number, (path, patient) in enumerate(zip(paths, ("A1", "B2"), strict=True)):
        path.write_bytes(film(patient, number, StudyInstanceUID=UID))
    with pytest.raises(InputError, match="conflicting_study"):
        listed_films([str(path) for path in paths])


def test_without_credentials(full: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXR_AGENT_DICOMWEB_LOGIN")
    with (
        pytest.raises(RemoteError, match="dicomweb_refused"),
        study_films(f"{full.url}/studies/{UID}"),
    ):
        pass


@pytest.mark.parametrize("login", ["x", ":y", "a:b\r\nX: y"])
def test_a_bad_login(login: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_DICOMWEB_LOGIN", login)
    with (
        pytest.raises(UsageError, match="bad_dicomweb_login") as refused,
        study_films("https://host/dicom-web/studies/1.2"),
    ):
        pass
    assert login not in str(refused.value)


@pytest.mark.slow
def test_the_command(full: Archive, tmp_path: Path) -> None:
    uids = {"StudyInstanceUID": "1.2.89.1", "SeriesInstanceUID": "1.2.89.2"}
    pixels = levels(draw().pixels, 12)
    full.put(dicom(pixels, PatientID="READ-1", SOPInstanceUID="1.2.89.3", **uids))
    key = {"CXR_AGENT_DICOMWEB_LOGIN": ":".join(LOGIN), "TMPDIR": str(tmp_path)}
    address = f"{full.url}/studies/1.2.89.1"
    page = tmp_path / "pages"
    page.mkdir()
    ran = run_program(
        "read", address, "--json", "--html", page, traces=tmp_path / "traces", env=key
    )
    assert ran.status == 0, ran.err
    assert [one["handle"] for one in ran.json["films"]] == ["img-1"]
    assert [one.name for one in page.iterdir()] == ["study-1.html"]
    for text in (*LOGIN, "READ-1", "1.2.89", str(full.port)):
        assert text not in ran.out + ran.err
    ran = run_program("read", address, "--study", traces=tmp_path, env=key)
    assert (ran.status, ran.errors) == (2, [("", "study_of_addresses")])
    assert not list(tmp_path.glob("cxr-agent-*"))
