"""Searches of a real archive, and of servers that answer as they like."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cxr_agent.batch.listing import fetched, studies_of
from cxr_agent.errors import ConfigError, RemoteError, UsageError
from cxr_agent.imaging import Decoder, load_study
from cxr_agent.interop import dicomweb_limits, dicomweb_process
from tests.interop.archive import Archive, orthanc
from tests.interop.films import film
from tests.interop.hostile import Hostile, body, element, hostile, metadata, status

from .conftest import listed


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A patient with three studies, of which one is a CT, and somebody else."""
    with orthanc(tmp_path_factory.mktemp("orthanc"), locked=False) as one:
        now = {"StudyInstanceUID": "1.2.77.1", "StudyDate": "20200110"}
        then = {"StudyInstanceUID": "1.2.77.2", "StudyDate": "20190110"}
        other = {"StudyInstanceUID": "1.2.77.3", "StudyDate": "20200110"}
        ct = {"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}
        one.put(film("MARTHA-77", 1, **now))
        one.put(film("MARTHA-77", 2, **now, ViewPosition="LL"))
        one.put(film("MARTHA-77", 3, **then))
        one.put(film("MARTHA-77", 4, **{**ct, "StudyInstanceUID": "1.2.77.4"}))
        one.put(film("OTHER", 5, **other))
        yield one


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile() as one:
        yield one


def test_a_search(archive: Archive, kept: Decoder, tmp_path: Path) -> None:
    told = listed(f"{archive.url}/studies?StudyDate=20190101-20201231")
    assert len(told.studies) == 3
    assert told.summary.seen == 5
    assert told.summary.passed == {"unsupported_modality": 1, "lateral_view": 1}
    (now,) = (study for study in told.studies.values() if study.priors)
    assert "/studies/1.2.77.1/" in now.films[0]
    assert "/studies/1.2.77.2/" in now.priors[0]
    assert not any("1.2.77" in name or "MARTHA" in name for name in told.names)
    local = str(tmp_path / "x.dcm")
    with fetched([now.films[0], local, *now.priors]) as (current, same, prior):
        assert str(same) == local
        folder = current.parent
        assert folder.stat().st_mode & 0o77 == 0
        study = load_study(current, prior, decoder=kept)
        assert [one.days_before for one in study.priors] == [365]
    assert not folder.exists()


def test_the_same_names_again(archive: Archive) -> None:
    address = f"{archive.url}/studies?PatientID=MARTHA-77&ModalitiesInStudy=DX"
    first, second = list(studies_of(address)), list(studies_of(address))
    assert first == second
    assert len(first) == 2


def test_bounds_of_a_search(archive: Archive) -> None:
    address = f"{archive.url}/studies?PatientID=MARTHA-77&ModalitiesInStudy=DX"
    assert len(listed(f"{address}&limit=1").names) == 1
    assert len(listed(f"{address}&offset=1").names) == 1
    assert not listed(f"{address}&offset=2").names


def test_pages(server: Hostile) -> None:
    pages = {0: ["1.2.1", "1.2.2"], 2: ["1.2.2", "1.2.3"]}
    offsets: list[int] = []

    def studies(request: Any) -> None:
        offsets.append(int(parse_qs(urlsplit(request.path).query)["offset"][0]))
        items = [element("0020000D", "UI", uid) for uid in pages.get(offsets[-1], [])]
        body(json.dumps(items).encode())(request)

    server.answers["studies"] = studies
    server.describes(metadata("P1"))
    assert len(listed(f"{server.url}/studies").studies) == 3
    assert offsets == [0, 2, 4]


def test_a_server_that_knows_no_pages(server: Hostile) -> None:
    server.lists("1.2.1", "1.2.2")
    server.describes(metadata("P1"))
    assert len(listed(f"{server.url}/studies?a.b=c").studies) == 2
    assert "a.b=c" in server.asked[0]


def test_a_study_that_cannot_be_listed(server: Hostile) -> None:
    server.lists("1.2.1")
    server.answers["metadata"] = status(500)
    told = listed(f"{server.url}/studies")
    assert list(told.refused.values()) == ["dicomweb_refused"]
    server.describes({**metadata("P1"), **element("00080018", "UI", "../../x")})
    told = listed(f"{server.url}/studies")
    assert list(told.refused.values()) == ["dicomweb_bad_answer"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (status(401), "dicomweb_refused"),
        (status(302, Location="http://127.0.0.1:9/"), "dicomweb_refused"),
        (body(b"<html>MARTHA"), "dicomweb_bad_answer"),
        (body(b'[{"0020000D": {"vr": "UI", "Value": ["../1"]}}]'), "dicomweb_bad_answer"),
    ],
)
def test_a_server_without_a_list(server: Hostile, answer: Any, code: str) -> None:
    server.answers["studies"] = answer
    with pytest.raises(RemoteError) as failed:
        list(studies_of(f"{server.url}/studies"))
    assert failed.value.code == code
    assert "MARTHA" not in str(failed.value)
    assert "--prior" not in failed.value.hint


def test_nobody_there() -> None:
    with pytest.raises(RemoteError, match="dicomweb_unreachable"):
        list(studies_of("http://127.0.0.1:9/studies"))


def test_the_token(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(dicomweb_process.TOKEN, "s3cret")
    server.lists("1.2.1")
    server.describes(metadata("P1"))
    server.gives(film("P1", 1))
    (study,) = studies_of(f"{server.url}/studies")
    with fetched(study.films) as (path,):
        assert path.stat().st_size > 1000
    assert {headers["Authorization"] for headers in server.headers} == {"Bearer s3cret"}
    assert "s3cret" not in repr(study)


def test_a_film_that_cannot_be_had(server: Hostile) -> None:
    server.answers["instance"] = status(404)
    place = f"{server.url}/studies/1.2/series/1.3/instances/1.4"
    with pytest.raises(RemoteError, match="dicomweb_refused"), fetched([place]):
        pass


@pytest.mark.parametrize(
    "address",
    [
        "https://user:s3cret@host/studies",
        "https://host/dicom-web",
        "https://host/studies/1.2.3",
        "https:///studies",
        "https://host:x/studies",
        "https://host/studies?a",
        "https://host/studies?a=b&a=c",
        "https://host/studies?limit=-1",
        "https://host/studies?offset=x",
        "https://host/studies?a%0a=b",
        "https://host/studies?a=%0d%0ab",
        "https://host/studies?a=b#c",
        "https://host/a b/studies",
        "https://host/studies?" + "a" * 5000 + "=1",
    ],
)
def test_what_is_no_search(address: str) -> None:
    with pytest.raises(UsageError, match="bad_dicomweb_query") as refused:
        studies_of(address)
    assert "s3cret" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    "places",
    [
        ["https://host/dicom-web/studies/1.2/series/1.3"],
        ["https://host/studies/../series/1.3/instances/1.4"],
        ["https://u:p@host/studies/1.2/series/1.3/instances/1.4"],
        [f"https://host{n}/studies/1.2/series/1.3/instances/1.4" for n in (1, 2)],
        [f"https://host/studies/1.2/series/1.3/instances/1.{n}" for n in range(1, 99)],
    ],
)
def test_places_that_are_none(places: list[str]) -> None:
    with pytest.raises(UsageError, match="bad_dicomweb_query"), fetched(places):
        pass


def test_local_films_need_no_server() -> None:
    with fetched(["/a.dcm", "b.png"]) as paths:
        assert paths == (Path("/a.dcm"), Path("b.png"))


def test_the_library_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomweb_process, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="dicomweb_missing"):
        studies_of("https://host/studies")


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{",
        b'{"failed": ""}',
        b'{"failed": "", "passed": "MARTHA"}',
        b'{"failed": "", "film": {}, "uids": ["1", "2", "3"]}',
        b'{"failed": "", "refused": "dicomweb_refused", "uids": ["../1"]}',
        b'{"failed": "", "refused": "MARTHA", "uids": ["1"]}',
    ],
)
def test_a_process_that_lies(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def command(module: str) -> list[str]:
        return [sys.executable, "-c", f"import os; os.write(1, {said!r})"]

    monkeypatch.setattr(dicomweb_process, "bare_command", command)
    with pytest.raises(RemoteError, match=r"^\[dicomweb_bad_answer\]"):
        list(studies_of("https://host/studies"))


def test_bounds_make_sense() -> None:
    assert dicomweb_limits.MAX_FETCHED >= 16 + 5
