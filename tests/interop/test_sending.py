"""Objects into archives: Orthanc and dcmtk's storescp, and servers that answer as they like."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from cxr_agent.errors import ConfigError, RemoteError, UsageError
from cxr_agent.interop import dimse
from cxr_agent.interop.dicomweb_archive import DicomwebArchive
from cxr_agent.interop.dicomweb_store import code_of_status
from cxr_agent.interop.dimse import DimseArchive
from cxr_agent.interop.sending import archive_at, check_sent, send, store_error
from tests.cli.program import run_program

from .archive import LOGIN, Archive, free_port, orthanc
from .dcmtk import program
from .films import film
from .hostile import Answer, Hostile, body, element, endless, status


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with orthanc(tmp_path_factory.mktemp("orthanc"), dicom=True) as one:
        yield one


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_DICOMWEB_LOGIN", ":".join(LOGIN))


def films(folder: Path, patient: str, count: int = 2) -> list[Path]:
    paths = [folder / f"{number}.dcm" for number in range(1, count + 1)]
    for number, path in enumerate(paths, 1):
        path.write_bytes(film(patient, number))
    return paths


def uid(patient: str, number: int) -> str:
    return f"1.2.{sum(map(ord, patient))}.{number}.1.1"


def kept(archive: Archive) -> set[str]:
    return {one["MainDicomTags"]["SOPInstanceUID"] for one in archive.instances()}


def codes(address: str, paths: Sequence[Path], deadline_s: float = 0) -> list[str]:
    told = send(archive_at(address, "CXR-AGENT"), paths, deadline_s=deadline_s)
    return [one.code for one in told]


@pytest.mark.usefixtures("login")
@pytest.mark.parametrize("patient", ["STOW", "CSTORE"])
def test_an_archive_gets_the_bytes_and_twice_is_once(
    archive: Archive, tmp_path: Path, patient: str
) -> None:
    paths = films(tmp_path, patient)
    address = archive.url if patient == "STOW" else archive.entity
    before = len(archive.instances())
    assert codes(address, paths) == ["", ""]
    assert codes(address, paths) == ["", ""]
    assert len(archive.instances()) == before + 2
    ours = {
        one["MainDicomTags"]["SOPInstanceUID"]: archive.file(one) for one in archive.instances()
    }
    for number, path in enumerate(paths, 1):
        # Orthanc writes a head of its own; what follows is what it was sent.
        assert path.read_bytes()[-8000:] == ours[uid(patient, number)][-8000:]


@pytest.mark.usefixtures("login")
def test_what_is_no_object_costs_only_itself(archive: Archive, tmp_path: Path) -> None:
    first, last = films(tmp_path, "BROKEN")
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(bytes(128) + b"DICM" + b"\xff" * 400)
    for address in (archive.url, archive.entity):
        assert codes(address, [first, broken, last]) == ["", "store_refused", ""]


def test_without_credentials(archive: Archive, tmp_path: Path) -> None:
    assert codes(archive.url, films(tmp_path, "LOCKED")) == ["store_unauthorised"] * 2
    assert uid("LOCKED", 1) not in kept(archive)


def test_an_entity_that_does_not_know_us(archive: Archive, tmp_path: Path) -> None:
    stranger = DimseArchive.at(archive.entity, "STRANGER")
    told = send(stranger, films(tmp_path, "STRANGE"), deadline_s=0)
    assert {one.code for one in told} <= {"store_unauthorised", "store_unreachable"}
    # It may hang up before its refusal is read.
    told = codes(archive.entity.replace("ARCHIVE@", "OTHER@"), films(tmp_path, "STRANGE"))
    assert len(told) == 2
    assert set(told) <= {"store_unauthorised", "store_unreachable"}
    assert uid("STRANGE", 1) not in kept(archive)


def test_nobody_is_there(tmp_path: Path) -> None:
    paths = films(tmp_path, "NOBODY")
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        assert codes(f"http://127.0.0.1:{port}/dicom-web", paths) == ["store_unreachable"] * 2
        assert codes(f"ARCHIVE@127.0.0.1:{port}", paths) == ["store_unreachable"] * 2


def test_a_peer_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for no longer than told; here the wait is cut short from this side."""
    monkeypatch.setattr(dimse, "_START_S", 2.0)
    monkeypatch.setattr(dimse, "ANSWER_S", 0.0)
    monkeypatch.setattr(dimse, "CONNECT_S", 0.0)
    with closing(socket.socket()) as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        began = time.monotonic()
        paths = films(tmp_path, "MUTE", 9)
        address = f"ARCHIVE@127.0.0.1:{mute.getsockname()[1]}"
        assert codes(address, paths) == ["store_unreachable"] * 9
        assert time.monotonic() - began < 15  # once, and not for each


def test_storescp_takes_it(tmp_path: Path) -> None:
    port, got = free_port(), tmp_path / "got"
    got.mkdir()
    with subprocess.Popen([program("storescp"), "-aet", "DCMTK", "-od", got, str(port)]) as process:
        try:
            told = send(
                DimseArchive.at(f"DCMTK@127.0.0.1:{port}"), films(tmp_path, "DCMTK"), deadline_s=20
            )
        finally:
            process.terminate()
    assert [one.code for one in told] == ["", ""]
    assert len(list(got.iterdir())) == 2


def stored(*uids: str) -> Answer:
    items = [element("00081155", "UI", one) for one in uids]
    return body(json.dumps(element("00081199", "SQ", *items)).encode())


def failed(reason: int, code: int = 409) -> Answer:
    items = [element("00081197", "US", reason)]
    return body(json.dumps(element("00081198", "SQ", *items)).encode(), status=code)


ANSWERS: dict[str, tuple[Answer, str]] = {
    "stored": (stored(uid("MARTHA", 1)), ""),
    "another one": (stored("1.2.3"), "store_bad_answer"),
    "nothing": (body(b""), "store_bad_answer"),
    "html": (body(b"<html>MARTHA</html>", kind="text/html"), "store_bad_answer"),
    "text": (body(b'"MARTHA"'), "store_bad_answer"),
    "list": (body(b"[[]]"), "store_bad_answer"),
    "deep": (body(b"[" * 200_000), "store_bad_answer"),
    "endless": (endless(), "store_bad_answer"),
    "refused": (failed(0xC000), "store_refused"),
    "refused in 202": (failed(0x0110, 202), "store_refused"),
    "there already": (failed(0x0111), ""),
    "full": (failed(0xA700), "store_no_room"),
    "too large": (status(413), "store_no_room"),
    "bad request": (status(400), "store_refused"),
    "unauthorised": (status(401), "store_unauthorised"),
    "forbidden": (status(403), "store_unauthorised"),
    "elsewhere": (status(307, Location="http://127.0.0.1:9/"), "store_refused"),
    "broken": (status(500), "store_unreachable"),
    "away": (status(503), "store_unreachable"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_server_answers(name: str, server: Hostile, tmp_path: Path) -> None:
    server.answers["store"], code = ANSWERS[name]
    (path,) = films(tmp_path, "MARTHA", 1)
    assert codes(server.url, [path]) == [code]
    (sent,) = server.stored
    assert path.read_bytes() in sent


def test_it_is_tried_again_until_the_server_is_back(server: Hostile, tmp_path: Path) -> None:
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            server.answers["store"] = stored(uid("MARTHA", 1))

    server.answers["store"] = status(503)
    told = send(
        DicomwebArchive.at(server.url), films(tmp_path, "MARTHA", 1), deadline_s=60, sleep=sleep
    )
    assert [(one.code, one.attempts) for one in told] == [("", 3)]
    assert waits == [1, 2]


def test_after_the_deadline_it_is_given_up(server: Hostile, tmp_path: Path) -> None:
    server.answers["store"] = status(503)
    began = time.monotonic()
    paths = films(tmp_path, "MARTHA")
    assert codes(server.url, paths, deadline_s=1.5) == ["store_unreachable"] * 2
    assert time.monotonic() - began < 20
    assert 2 <= len(server.stored) <= 3  # the second file is not tried where the first failed


def test_one_error_for_several() -> None:
    assert store_error(["", ""]) is None
    errors = [store_error(["store_refused", "store_no_room"]), store_error(["", "store_refused"])]
    assert [error and error.code for error in errors] == ["store_refused", "store_partial"]
    with pytest.raises(RemoteError) as caught:
        check_sent(send(_Nobody(), [Path("x")], deadline_s=0))
    assert caught.value.exit_status == 10


class _Nobody:
    def attempt(self, files: Sequence[Path]) -> Iterator[str]:
        yield from ["store_unreachable"] * len(files)


@pytest.mark.parametrize(
    ("code", "told"),
    [(0, ""), (0xB000, ""), (0x0111, ""), (0xA701, "store_no_room"), (0xA900, "store_refused")],
)
def test_statuses(code: int, told: str) -> None:
    assert code_of_status(code) == told


@pytest.mark.parametrize(
    "address",
    [
        "",
        "A@h",
        "@h:1",
        "A@h:0",
        "A@h:65536",
        "A@:1",
        "A" * 17 + "@h:1",
        "A\\B@h:1",
        " A@h:1",
        "é@h:1",
    ],
)
def test_what_is_no_entity(address: str) -> None:
    with pytest.raises(UsageError, match="bad_ae"):
        DimseArchive.at(address)


def test_an_entity_of_version_6() -> None:
    one = DimseArchive.at("A B@[::1]:104")
    assert (one.title, one.host, one.port) == ("A B", "::1", 104)


def test_an_address_with_a_login_is_none() -> None:
    with pytest.raises(UsageError, match="bad_dicomweb_query") as refused:
        archive_at("https://reader:s3cret@host/dicom-web", "X")
    assert "s3cret" not in str(refused.value)


def test_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dimse, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pynetdicom_missing") as refused:
        archive_at("A@host:104", "X")
    assert "cxr-agent[dicom]" in refused.value.hint


def test_the_command(archive: Archive, tmp_path: Path) -> None:
    first, _ = films(tmp_path, "COMMAND")
    key = {"CXR_AGENT_DICOMWEB_LOGIN": ":".join(LOGIN)}
    ran = run_program("send", first, "--dicomweb", archive.url, traces=tmp_path, env=key)
    assert (ran.status, ran.out, ran.err) == (0, f"{first}: stored\n", "")
    ran = run_program("send", first, "--aet", archive.entity, "--json", traces=tmp_path)
    assert ran.json["files"] == [{"file": str(first), "stored": True, "code": None, "attempts": 1}]
    ran = run_program("send", first, "--dicomweb", archive.url, traces=tmp_path)
    assert (ran.status, ran.out) == (10, f"{first}: not stored [store_unauthorised]\n")
    assert ran.errors == [("", "store_unauthorised")]
    for options, code in (((), "send_whereto"), (("--aet", "X"), "bad_ae")):
        ran = run_program("send", first, *options, traces=tmp_path)
        assert (ran.status, ran.errors) == (2, [("", code)])
    (tmp_path / "letter.txt").write_text("Dear colleague\n" * 20)
    ran = run_program("send", tmp_path / "letter.txt", "--aet", archive.entity, traces=tmp_path)
    assert (ran.status, ran.errors) == (3, [("", "not_dicom")])
