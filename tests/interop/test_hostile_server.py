"""What a server may do, and all that comes of it: one error with a code, or a film less."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import ConfigError, RemoteCode, RemoteError, UsageError
from cxr_agent.imaging import Decoder
from cxr_agent.interop import dicomweb_http, dicomweb_process
from cxr_agent.interop.dicomweb import DicomwebServer
from cxr_agent.interop.dicomweb_json import json_header
from cxr_agent.interop.prior_source import prior_source

from .films import film, search
from .hostile import Answer, Hostile, body, element, endless, hostile, metadata, silence, status

PATIENT = "MARTHA-77"


@pytest.fixture
def current(tmp_path: Path) -> Path:
    path = tmp_path / "now.dcm"
    path.write_bytes(film(PATIENT, 0))
    return path


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


BAD = RemoteCode.BAD_ANSWER
REFUSED = RemoteCode.REFUSED
UNREACHABLE = RemoteCode.UNREACHABLE

LISTS: dict[str, tuple[Answer, RemoteCode]] = {
    "500": (status(500), REFUSED),
    "503": (status(503), REFUSED),
    "401": (status(401), REFUSED),
    "404": (status(404), REFUSED),
    "html": (body(b"<html>MARTHA-77</html>", kind="text/html"), BAD),
    "cut": (body(b'[{"0020000D": {"vr": "UI", "Val'), BAD),
    "not utf-8": (body(b'["\xff\xfe"]'), BAD),
    "number": (body(b"5"), BAD),
    "text": (body(b'"MARTHA-77"'), BAD),
    "texts": (body(b'["MARTHA-77"]'), BAD),
    "null": (body(b"null"), BAD),
    "no uid": (body(b"[{}]"), BAD),
    "list for element": (body(b'[{"0020000D": []}]'), BAD),
    "text for element": (body(b'[{"0020000D": "x"}]'), BAD),
    "number for values": (body(b'[{"0020000D": {"Value": 5}}]'), BAD),
    "no tag": (body(b'[{"MARTHA": {"Value": ["x"]}}]'), BAD),
    "deep": (body(b"[" * 200_000), BAD),
    "endless": (endless(), BAD),
    "bomb": (endless(gzip.compress(bytes(1 << 26)), encoding="gzip"), BAD),
}


@pytest.mark.parametrize("name", LISTS)
def test_what_is_no_list_of_studies(
    name: str, server: Hostile, current: Path, decoder: Decoder, private: Path
) -> None:
    server.answers["studies"], code = LISTS[name]
    with pytest.raises(RemoteError, match=rf"^\[{code}\] ") as failed:
        search(server.url, current, decoder)
    told = f"{failed.value} {failed.value.hint}"
    assert "MARTHA" not in told
    assert str(server.port) not in told
    assert failed.value.exit_status == 10
    assert len(server.asked) == 1
    assert not list(private.iterdir())


def test_nobody_is_there(current: Path, decoder: Decoder) -> None:
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(RemoteError, match="dicomweb_unreachable"):
            search(f"http://127.0.0.1:{closed.getsockname()[1]}/", current, decoder)


def test_a_server_without_tls(server: Hostile, current: Path, decoder: Decoder) -> None:
    with pytest.raises(RemoteError, match="dicomweb_unreachable"):
        search(server.url.replace("http:", "https:"), current, decoder)
    assert not server.asked


def test_a_certificate_is_checked(
    current: Path, decoder: Decoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: it makes the certificate")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *name]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with hostile(context) as server:
        server.lists()
        url = server.url.replace("http:", "https:")
        with pytest.raises(RemoteError, match="dicomweb_unreachable"):
            search(url, current, decoder)
        assert not server.asked
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert search(url, current, decoder)[1].seen == 0
        assert len(server.asked) == 1


def test_no_films_is_no_error(server: Hostile, current: Path, decoder: Decoder) -> None:
    for answer in (status(204), body(b"[]"), body(b"")):
        server.answers["studies"] = answer
        assert search(server.url, current, decoder)[1].summary == "no prior taken of 0 files"


def test_nothing_is_sent_elsewhere(server: Hostile, current: Path, decoder: Decoder) -> None:
    with hostile() as other:
        server.answers["studies"] = status(307, Location=f"{other.url}/studies?PatientID={PATIENT}")
        with pytest.raises(RemoteError, match="dicomweb_refused"):
            search(server.url, current, decoder)
        assert not other.asked


def test_what_is_asked(
    server: Hostile, current: Path, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("CXR_AGENT_DICOMWEB_TOKEN", "s3cret.token")
    server.lists("1.2.3")
    server.describes(metadata(PATIENT))
    server.gives(film(PATIENT, 1, StudyDate="20190110"))
    assert search(server.url, current, decoder)[1].taken == 1
    assert [path.removeprefix("/dicom-web") for path in server.asked] == [
        f"/studies?PatientID={PATIENT}&StudyDate=-20200110"
        "&includefield=ModalitiesInStudy&limit=200",
        "/studies/1.2.3/metadata",
        "/studies/1.2.3/series/1.2.3/instances/1.2.3.1",
    ]
    for headers in server.headers:
        assert headers["Authorization"] == "Bearer s3cret.token"
        assert headers["Host"] == f"127.0.0.1:{server.port}"


def test_the_login_of_the_address_goes_first(
    server: Hostile, current: Path, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_AGENT_DICOMWEB_TOKEN", "s3cret.token")
    server.answers["studies"] = status(401)
    with pytest.raises(RemoteError) as failed:
        search(server.url.replace("//", "//reader:p%40ss@"), current, decoder)
    assert server.headers[0]["Authorization"] == "Basic cmVhZGVyOnBAc3M="
    assert "p%40ss" not in str(failed.value)


def test_another_patients_film_is_refused(server: Hostile, current: Path, decoder: Decoder) -> None:
    server.lists("1.2.3")
    server.describes(metadata(PATIENT), metadata("OTHER", 2))
    for wrong in ("OTHER", None):
        server.gives(film(wrong, 1, StudyDate="20190110"))
        study, found = search(server.url, current, decoder)
        assert not study.priors
        assert found.passed == {"other_patient": 2}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"StudyDate": "20200111"}, "later_film"),
        ({"StudyDate": "20190110", "ViewPosition": "LL"}, "lateral_view"),
        ({"StudyDate": "20190110", "PatientAge": "004Y"}, "paediatric"),
    ],
)
def test_a_film_is_not_what_was_listed(
    server: Hostile, current: Path, decoder: Decoder, values: dict[str, Any], code: str
) -> None:
    server.lists("1.2.3")
    server.describes(metadata(PATIENT))
    server.gives(film(PATIENT, 1, **values))
    assert search(server.url, current, decoder)[1].passed == {code: 1}


def test_filters_that_a_server_ignores_hold_all_the_same(
    server: Hostile, current: Path, decoder: Decoder
) -> None:
    later = element("00080020", "DA", "20210101")
    server.lists("1.2.3", **later)
    assert search(server.url, current, decoder)[1].passed == {"later_film": 1}
    server.lists("1.2.3", **element("00080061", "CS", "CT", "SR"))
    assert search(server.url, current, decoder)[1].passed == {"unsupported_modality": 1}
    assert [path.partition("?")[0] for path in server.asked] == ["/dicom-web/studies"] * 2


INSTANCES: dict[str, tuple[Answer, RemoteCode]] = {
    "500": (status(500), REFUSED),
    "404": (status(404), REFUSED),
    "html": (body(b"<html>", kind="text/html"), BAD),
    "no dicom": (body(b"--b\r\n\r\nhello\r\n--b--", kind="multipart/related; boundary=b"), BAD),
    "no part": (body(b"--b--", kind="multipart/related; boundary=b"), BAD),
    "no type": (status(200), BAD),
    "endless": (endless(), BAD),
}


@pytest.mark.parametrize("name", INSTANCES)
def test_what_is_no_film(name: str, server: Hostile, current: Path, decoder: Decoder) -> None:
    answer, code = INSTANCES[name]
    server.lists("1.2.3")
    server.describes(metadata(PATIENT))
    server.answers["instance"] = answer
    with pytest.raises(RemoteError, match=code):
        search(server.url, current, decoder)


def test_one_bad_film_costs_only_itself(server: Hostile, current: Path, decoder: Decoder) -> None:
    server.lists("1.2.3", "1.2.4")
    server.describes(metadata(PATIENT))
    good: list[Answer] = []
    server.gives(film(PATIENT, 1, StudyDate="20190110"))
    good.append(server.answers["instance"])

    def by_study(request: Any) -> None:
        (good[0] if "/1.2.3/series" in request.path else status(500))(request)

    server.answers["instance"] = by_study
    study, found = search(server.url, current, decoder)
    assert [prior.days_before for prior in study.priors] == [365]
    assert found.summary == "1 prior taken of 2 files: 1 dicomweb_refused"
    server.lists("1.2.3")
    server.describes(metadata(PATIENT, 8), metadata(PATIENT, 9))

    def second(request: Any) -> None:
        (good[0] if request.path.endswith(".9") else status(404))(request)

    server.answers["instance"] = second
    assert search(server.url, current, decoder)[1] == found


@pytest.mark.parametrize("uid", ["../../x", "1.2.3/../..", "x", "1" * 65, "1.2?a=b"])
def test_a_uid_that_is_a_path(server: Hostile, current: Path, decoder: Decoder, uid: str) -> None:
    server.lists(uid)
    with pytest.raises(RemoteError, match="dicomweb_bad_answer"):
        search(server.url, current, decoder)
    assert len(server.asked) == 1
    server.lists("1.2.3")
    server.describes(metadata(PATIENT, **element("00080018", "UI", uid)))
    with pytest.raises(RemoteError, match="dicomweb_bad_answer"):
        search(server.url, current, decoder)
    assert len(server.asked) == 3


def test_a_silent_server(
    server: Hostile, current: Path, decoder: Decoder, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicomweb_process, "SERVER_S", 1.0)
    monkeypatch.setattr(dicomweb_process, "_GRACE_S", 2.0)
    server.answers["studies"] = silence
    began = time.monotonic()
    with pytest.raises(RemoteError, match="dicomweb_unreachable"):
        search(server.url, current, decoder)
    assert time.monotonic() - began < 10
    assert not list(private.iterdir())


def test_a_slow_server(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomweb_http, "SERVER_S", 1.0)
    server.answers["studies"] = endless(b" ", wait_s=0.1)
    began = time.monotonic()
    with (
        dicomweb_http.bounded_session(None, "") as session,
        pytest.raises(dicomweb_http.ServerFailure) as failed,
    ):
        session.get(f"{server.url}/studies", timeout=5)
    assert failed.value.code == UNREACHABLE
    assert 0.9 < time.monotonic() - began < 4


def test_all_answers_together_are_bounded(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomweb_http, "MAX_ALL_BYTES", 250)
    server.answers["studies"] = body(bytes(100))
    with dicomweb_http.bounded_session(None, "") as session:
        for _ in range(2):
            assert len(session.get(f"{server.url}/studies", timeout=5).content) == 100
        with pytest.raises(dicomweb_http.ServerFailure):
            session.get(f"{server.url}/studies", timeout=5)


def test_films_lie_in_a_private_folder(
    server: Hostile, current: Path, decoder: Decoder, private: Path
) -> None:
    server.lists("1.2.3")
    server.describes(metadata(PATIENT))
    server.gives(film(PATIENT, 1, StudyDate="20190110"))
    source = DicomwebServer.at(server.url)
    with source.opened([current], [decoder.decode(current)], decoder) as folder:
        (place,) = private.iterdir()
        (fetched,) = place.iterdir()
        assert folder.path == str(place)
        assert place.stat().st_mode & 0o777 == 0o700
        assert fetched.stat().st_mode & 0o777 == 0o600
    assert not list(private.iterdir())


KILLED = """
import sys, time
from cxr_agent.imaging import Decoder
from cxr_agent.interop.dicomweb import DicomwebServer
with Decoder() as decoder:
    films = [decoder.decode(sys.argv[1])]
    with DicomwebServer.at(sys.argv[2]).opened(sys.argv[1:2], films, decoder):
        print("open", flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_film_stays_when_the_program_is_killed(
    server: Hostile, current: Path, private: Path, how: signal.Signals
) -> None:
    server.lists("1.2.3")
    server.describes(metadata(PATIENT))
    server.gives(film(PATIENT, 1, StudyDate="20190110"))
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, current, server.url],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(private)},
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"open\n"
        assert len(list(private.rglob("*.dcm"))) == 1
        process.send_signal(how)
        assert process.wait(10) == -how
    deadline = time.monotonic() + 10
    while list(private.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list(private.iterdir())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_nobody_on_the_machine_sees_whom_it_is_about(
    server: Hostile, current: Path, decoder: Decoder
) -> None:
    seen: list[bytes] = []

    def look(request: Any) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                try:
                    seen.append((process / name).read_bytes())
                except OSError:
                    continue
        status(204)(request)

    server.answers["studies"] = look
    search(server.url.replace("//", "//reader:s3cret@"), current, decoder)
    ours = [text for text in seen if b"dicomweb_worker" in text]
    assert ours
    assert not [text for text in seen if b"s3cret" in text or PATIENT.encode() in text]


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "https:///dicom-web",
        "http://host:port/",
        "http://host:99999/",
        "http://[::1/",
        "http://host/?PatientID=x",
        "http://host/#x",
        "http://host /",
        "http://host/\r\nX: y",
        "http://höst/",
    ],
)
def test_bad_address(address: str) -> None:
    with pytest.raises(UsageError, match="bad_dicomweb_url"):
        prior_source(address)


def test_addresses() -> None:
    server = DicomwebServer.at("HTTPS://A%2FB:c%40d@[::1]:8443/dicom-web//")
    assert server.url == "https://[::1]:8443/dicom-web"
    assert server.login == ("A/B", "c@d")
    assert "c@d" not in repr(server)


def test_bad_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_DICOMWEB_TOKEN", "s3cret\r\nX: y")
    with pytest.raises(UsageError, match="bad_dicomweb_token") as refused:
        prior_source("https://host/dicom-web")
    assert "s3cret" not in str(refused.value)


def test_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomweb_process, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="dicomweb_missing") as refused:
        prior_source("https://host/dicom-web")
    assert "cxr-agent[dicomweb]" in refused.value.hint


@pytest.mark.parametrize(
    "said", [b"", b"{", b"[]", b'{"failed": "MARTHA"}', b'{"failed": 5}', b'{"passed": {}}']
)
def test_a_broken_process(
    said: bytes, current: Path, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command(module: str) -> list[str]:
        return [sys.executable, "-c", f"import os; os.write(1, {said!r})"]

    monkeypatch.setattr(dicomweb_process, "bare_command", command)
    with pytest.raises(RemoteError, match=r"^\[dicomweb_bad_answer\]") as failed:
        search("http://127.0.0.1:9/", current, decoder)
    assert "MARTHA" not in str(failed.value)


def test_json_model_to_header() -> None:
    nested = {
        **element("00080060", "CS", "DX"),
        **element("00185101", "CS"),
        **element("00200020", "CS", "L", None),
        **element("00100010", "PN", {"Alphabetic": "X^Y"}),
        **element("00540220", "SQ", element("00080100", "SH", "399348003"), {}),
        **element("00111001", "LO", "private"),
    }
    header = json_header(json.loads(json.dumps(nested)))
    assert sorted(header.elements) == [0x00080060, 0x00100010, 0x00200020, 0x00540220]
    deep: Callable[..., Any] = lambda n: element("00540220", "SQ", deep(n - 1)) if n else {}  # noqa: E731
    with pytest.raises(ValueError, match="deep"):
        json_header(deep(8))
