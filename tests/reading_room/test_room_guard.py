"""Whom the page's server lets in, what it takes from them, and what it shows of it."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import time
from pathlib import Path

import pytest

from cxr_agent.errors import UsageError
from cxr_agent.reading import Agent
from cxr_agent.reading_room.handler import Handler
from cxr_agent.reading_room.limits import Bucket, Limits, Rate
from cxr_agent.reading_room.server import Server
from cxr_agent.testing.phantom import draw
from tests.cli.program import levels
from tests.imaging.films import dicom

from .serving import BYTES, Said, Visitor, ask, served, until

WORD = {
    "film": "img-1",
    "code": "cardiomegaly",
    "polarity": "present",
    "side": None,
    "who": "Dr B. Reader",
    "why": "seen so",
}
POSTS = {
    "/films": (b"film", BYTES),
    "/films/forget": ({"films": []}, "application/json"),
    "/studies": ({"films": ["x"]}, "application/json"),
    "/study/x/questions": ({"text": "why?"}, "application/json"),
    "/study/x/corrections": (WORD, "application/json"),
    "/leave": ({}, "application/json"),
}
OUTSIDE = [
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "/etc/passwd",
    "%2e%2e",
    ".",
    "",
    "a\x00b",
    "file:///etc/passwd",
    "%00",
    ".lock",
]


def held(server: Server) -> list[Path]:
    """Films that lie on the disk."""
    return [path for path in server.uploads.rglob("*") if path.is_file() and path.name != ".lock"]


# Who is let in


def test_without_the_token_nothing_is_given(server: Server) -> None:
    port = server.guard.port
    assert server.server_address[0] == "127.0.0.1"
    for path in ("/", "/static/room.css", "/study/x", "/?token=", "/?token=wrong"):
        said = ask(port, path)
        assert (said.status, said.code) == (403, "no_token")
    for cookie in ("x=y", f"{server.guard.cookie_name}=x", f"{server.guard.cookie_name}=; \x01"):
        assert ask(port, "/", Cookie=cookie).status == 403
    # The token alone is no cookie, and the server's own guard opens no session.
    for secret in (server.guard.token, server.guard.session):
        assert ask(port, "/", Cookie=f"{server.guard.cookie_name}={secret}").status == 403


def test_the_token_gives_a_session_that_no_script_reads(server: Server) -> None:
    said = ask(server.guard.port, f"/?token={server.guard.token}")
    assert (said.status, said.headers["Location"], said.text) == (303, "/", "")
    cookie = said.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    # A second tab of the same browser is the same session.
    shown = cookie.partition(";")[0]
    again = ask(server.guard.port, f"/?token={server.guard.token}", Cookie=shown)
    assert again.headers["Set-Cookie"] == cookie


def test_a_token_may_be_given_and_must_be_hard_to_guess(agent: Agent) -> None:
    with served(agent, token="a-token-of-our-own_1") as server:
        assert server.guard.address.endswith("/?token=a-token-of-our-own_1")
        assert Visitor(server.guard.port, "a-token-of-our-own_1").get("/").status == 200
    for weak in ("short", "with spaces in it, long enough", "ümlaut-und-lang-genug"):
        with pytest.raises(UsageError, match="weak_token"):
            Server(agent, token=weak)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=lambda headers: "=".join(*headers.items()),
)
def test_a_foreign_name_or_page_gets_nothing(
    server: Server, visitor: Visitor, headers: dict[str, str]
) -> None:
    said = visitor.get("/", **headers)
    assert (said.status, said.code) == (403, "foreign")
    assert ask(server.guard.port, f"/?token={server.guard.token}", **headers).status == 403
    for path, (body, kind) in POSTS.items():
        assert visitor.post(path, body, kind, **headers).status == 403
    assert held(server) == []


def test_only_a_page_of_the_same_session_may_write(server: Server, visitor: Visitor) -> None:
    other = Visitor(server.guard.port, server.guard.token)
    for page in ("", "guess", other.page, server.guard.page):
        for path, (body, kind) in POSTS.items():
            said = visitor.post(path, body, kind, X_Cxr_Page=page)
            assert (said.status, said.code) == (403, "no_token")
    own = {"Cookie": visitor.cookie, "X_Cxr_Page": visitor.page, "Content_Type": BYTES}
    without = ask(server.guard.port, "/films", method="POST", body=b"film", **own)
    assert without.status == 403  # it does not say where it comes from
    assert held(server) == []


def test_every_answer_says_that_it_stays_here(visitor: Visitor) -> None:
    for path in ("/", "/static/study.js", "/nowhere", "/left"):
        headers = visitor.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        policy = headers["Content-Security-Policy"]
        assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(
            policy.split("; ")
        )
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "Access-Control-Allow-Origin" not in headers


# What is taken


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_name_from_outside_is_a_path(server: Server, visitor: Visitor, name: str) -> None:
    wanted = {"films": [name], "priors": [name]}
    assert visitor.post("/studies", wanted).code == "unknown_upload"
    assert visitor.post("/films/forget", {"films": [name]}).status == 200
    assert (server.uploads / ".lock").exists()
    if "\x00" in name:
        return
    for path in (
        f"/study/{name}",
        f"/study/{name}/report",
        f"/study/x/{name}",
        f"/static/{name}",
        f"/{name or 'x'}",
    ):
        assert visitor.get(path).status == 404
    assert visitor.post(f"/study/{name}/questions", {"text": "why?"}).status == 404


def test_a_film_that_is_too_large_is_refused_before_it_is_read(agent: Agent) -> None:
    with served(agent, limits=Limits(upload_bytes=1000)) as server:
        visitor = Visitor(server.guard.port, server.guard.token)
        assert visitor.post("/films", b"x" * 1000, BYTES).status == 201
        said = visitor.post("/films", b"x" * 1001, BYTES)
        assert (said.status, said.code) == (413, "too_large")
        assert visitor.post("/films", b"", BYTES, Content_Length="9" * 30).status == 413
        assert visitor.post("/films", b"", BYTES, Content_Length="-1").status == 411
        assert visitor.post("/films", iter([b"x"]), BYTES).status == 411  # in chunks
        assert visitor.post("/studies", {"films": ["x" * 20_000]}).status == 413
        assert len(held(server)) == 1


def test_films_are_bytes_and_nothing_else(server: Server, visitor: Visitor) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="f"; filename="../x"\r\n\r\nabc\r\n--x--'
    for kind in ("multipart/form-data; boundary=x", "image/png", "text/html", ""):
        said = visitor.post("/films", form, kind)
        assert (said.status, said.code) == (415, "bad_type")
    for body in (b"", b"[" * 9000, b"{}", b'{"films": []}', b'{"films": ["a"], "path": "/etc"}'):
        assert visitor.post("/studies", body).code == "bad_request"
    assert held(server) == []


def test_films_that_wait_are_counted(server: Server, visitor: Visitor) -> None:
    names = [visitor.send(b"film") for _ in range(Limits().files)]
    said = visitor.post("/films", b"film", BYTES)
    assert (said.status, said.code) == (429, "too_many")
    assert "Retry-After" in said.headers
    visitor.post("/films/forget", {"films": names[:1]})
    visitor.send(b"film")
    # Whatever comes of a study, its films are held no longer.
    assert visitor.post("/studies", {"films": [names[1], "unknown"]}).code == "unknown_upload"
    assert len(held(server)) == Limits().files - 1
    assert all(path.stat().st_mode & 0o077 == 0 for path in held(server))
    assert server.uploads.stat().st_mode & 0o077 == 0


def drip(port: int, head: str, pause: float) -> bytes:
    """What is answered to a client that sends a byte now and then."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode())
        began = time.monotonic()
        connection.settimeout(pause)
        while time.monotonic() - began < 15:
            try:
                connection.sendall(b"x")
                if (said := connection.recv(4096)) or said == b"":
                    return said
            except TimeoutError:
                continue
            except OSError:
                return b""
    raise AssertionError("it is waited for")


def test_who_is_slow_is_not_waited_for(
    server: Server, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "body_s", 0.3)
    monkeypatch.setattr(Handler, "head_s", 0.3)
    port = server.guard.port
    head = (
        f"POST /films HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
        f"Cookie: {visitor.cookie}\r\nX-Cxr-Page: {visitor.page}\r\n"
        f"Content-Type: {BYTES}\r\nContent-Length: 5000\r\n"
    )
    assert drip(port, f"{head}\r\n", 0.05).startswith(b"HTTP/1.1 408")
    assert drip(port, head, 0.05) == b""  # the head itself does not end
    assert held(server) == []
    assert visitor.get("/").status == 200


def test_a_film_that_breaks_off_leaves_nothing(server: Server, visitor: Visitor) -> None:
    port = server.guard.port
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.putrequest("POST", "/films")
    for name, value in {
        "Cookie": visitor.cookie,
        "Origin": f"http://127.0.0.1:{port}",
        "X-Cxr-Page": visitor.page,
        "Content-Type": BYTES,
        "Content-Length": "5000",
    }.items():
        connection.putheader(name, value)
    connection.endheaders(b"half of it")
    until(lambda: held(server))
    connection.close()
    until(lambda: not held(server))


def test_the_disk_of_a_session_is_limited(agent: Agent, film: bytes) -> None:
    with served(agent, limits=Limits(session_bytes=3 * len(film))) as server:
        visitor = Visitor(server.guard.port, server.guard.token)
        for _ in range(3):
            name = visitor.send(film)
        said = visitor.post("/films", film, BYTES)
        assert (said.status, said.code) == (507, "disk_limit")
        visitor.post("/films/forget", {"films": [name]})
        # A trace counts as well.
        visitor.read(film, indication="")
        assert visitor.post("/films", film, BYTES).code == "disk_limit"
        assert Visitor(server.guard.port, server.guard.token).send(film)


def test_a_disk_that_is_full_is_said(server: Server, visitor: Visitor, film: bytes) -> None:
    (room,) = (path for path in server.uploads.iterdir() if path.is_dir())
    shutil.rmtree(room)
    said = visitor.post("/films", film, BYTES)
    assert (said.status, said.code) == (507, "disk_full")


# How fast


def test_a_bucket_fills_again() -> None:
    now = [0.0]
    bucket = Bucket(Rate(3, 6.0), lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 2]
    now[0] = 1.9
    assert bucket.take() == 1
    now[0] = 2.1
    assert [bucket.take(), bucket.take()] == [0, 2]
    now[0] = 1000.0
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 2]


def too_fast(said: Said) -> bool:
    assert said.headers["Retry-After"].isdigit()
    return (said.status, said.code) == (429, "too_fast")


def test_each_session_has_its_rate_and_all_have_one(agent: Agent) -> None:
    slow = Rate(2, 3600)
    limits = Limits(uploads=slow, readings=slow, questions=slow, files=64, all_sessions=2)
    with served(agent, limits=limits) as server:
        one, two, three = (Visitor(server.guard.port, server.guard.token) for _ in range(3))
        for visitor in (one, two):
            visitor.send(b"film")
            visitor.send(b"film")
            assert too_fast(visitor.post("/films", b"film", BYTES))
        assert too_fast(three.post("/films", b"film", BYTES))  # all together
        for _ in range(2):
            assert one.post("/studies", {"films": ["x"]}).code == "unknown_upload"
        assert too_fast(one.post("/studies", {"films": ["x"]}))
        assert two.post("/studies", {"films": ["x"]}).code == "unknown_upload"
    with served(agent, limits=Limits(visits=slow)) as server:
        assert ask(server.guard.port, "/?token=guess").status == 403
        assert ask(server.guard.port, "/?token=guess").status == 403
        assert too_fast(ask(server.guard.port, f"/?token={server.guard.token}"))


def test_sessions_and_connections_are_counted(agent: Agent) -> None:
    with served(agent, limits=Limits(sessions=1, connections=2)) as server:
        visitor = Visitor(server.guard.port, server.guard.token)
        said = ask(server.guard.port, f"/?token={server.guard.token}")
        assert (said.status, said.code) == (503, "too_many_sessions")
        until(lambda: server._connections._value == 2)
        address = "127.0.0.1", server.guard.port
        with socket.create_connection(address), socket.create_connection(address):
            until(lambda: server._connections._value == 0)
            with pytest.raises((ConnectionError, http.client.HTTPException)):
                visitor.get("/")
        until(lambda: server._connections._value == 2)
        assert visitor.get("/").status == 200


# What is shown


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A film whose every text tries to act."""
    script = "<script>window.tagged=1</script>"
    return dicom(
        levels(draw().pixels, 12),
        PatientName=script,
        PatientID="<svg onload=window.tagged=1>",
        StudyDescription=script,
        SeriesDescription="\"'><img src=x onerror=window.tagged=1>",
        InstitutionName=script,
        PatientAge="058Y",
    )


@pytest.fixture
def shown(visitor: Visitor, hostile: bytes) -> tuple[Visitor, str]:
    return visitor, visitor.read(
        hostile, indication="<b onclick=window.pwned=1>enlarged heart?</b>"
    )


def test_no_text_of_a_film_becomes_markup(shown: tuple[Visitor, str]) -> None:
    visitor, study = shown
    assert visitor.post(f"/study/{study}/questions", {"text": "<script>pwned</script>"}).json
    word = {**WORD, "who": "<script>pwned</script>", "why": "</script><img onerror=pwned>"}
    assert visitor.post(f"/study/{study}/corrections", word).json
    for path in ("/", f"/study/{study}", f"/study/{study}/report", f"/study/{study}/report.html"):
        page = visitor.get(path).text
        assert "Research use only" in page
        without_data = re.sub(r'<script type="application/json".*?</script>', "", page, flags=re.S)
        assert not re.search(
            r"<(script>(window|pwned)|svg onload|b onclick|img (src=x|onerror))", without_data
        )
        assert "tagged" not in page
        assert not re.search(r"<[a-z][^>]* (on[a-z]+|style)=", without_data) or "report" in path
        data = page.partition('id="data">')[2].partition("</script>")[0]
        assert "<" not in data
    assert '<script src="/static/study.js">' in visitor.get(f"/study/{study}").text
    # A report that is shown is of no origin; what is taken away is never shown.
    policy = visitor.get(f"/study/{study}/report").headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts; ")
    for name in ("report.html", "report.md", "report.json", "trace.zip"):
        headers = visitor.get(f"/study/{study}/{name}").headers
        assert headers["Content-Disposition"] == f'attachment; filename="cxr-agent-{name}"'
        assert headers["Content-Security-Policy"] == "sandbox"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<html><script>window.pwned=1</script></html>", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='window.pwned=1'/>", "not_an_image"),
        (b"GIF89a<script>window.pwned=1</script>", None),
        (b"#!/bin/sh\ntouch pwned\n", "not_an_image"),
        (b"", "empty_file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 500, None),
    ],
)
def test_what_is_no_film_is_refused_in_one_line(
    server: Server, visitor: Visitor, agent: Agent, content: bytes, code: str | None
) -> None:
    study = visitor.begin(content)
    outcome = visitor.outcome(study)
    assert not outcome["begun"]
    assert re.fullmatch(r"[a-z_]+: [^\n<]+", outcome["trouble"])
    assert code is None or outcome["trouble"].startswith(f"{code}: ")
    page = visitor.get("/").text
    assert outcome["trouble"].partition(" (")[0] in page
    assert "pwned" not in page
    said = visitor.get(f"/study/{study}")
    assert (said.status, said.headers["Location"]) == (303, "/")
    assert visitor.post(f"/study/{study}/questions", {"text": "why?"}).code == "no_report"
    assert visitor.get(f"/study/{study}/report").status == 404
    assert held(server) == []


# Whom it belongs to


def test_nobody_sees_the_studies_of_another_session(
    server: Server, visitor: Visitor, film: bytes
) -> None:
    waiting = visitor.send(film)
    study = visitor.read(film)
    other = Visitor(server.guard.port, server.guard.token)
    assert other.cookie != visitor.cookie
    assert study in visitor.get("/").text
    assert study not in other.get("/").text
    routes = ("", "/state", "/events", "/report", "/report.json", "/report.md", "/trace.zip")
    for route in routes:
        assert visitor.get(f"/study/{study}{route}") if route != "/events" else True
        theirs, nobodys = other.get(f"/study/{study}{route}"), other.get(f"/study/none{route}")
        assert (theirs.status, theirs.body) == (nobodys.status, nobodys.body) == (404, theirs.body)
    for route, body in (("questions", {"text": "why?"}), ("corrections", WORD)):
        assert other.post(f"/study/{study}/{route}", body).code == "not_found"
    assert other.post("/studies", {"films": [waiting]}).code == "unknown_upload"
    other.post("/films/forget", {"films": [waiting]})
    assert len(held(server)) == 1
    # Ending one session does not end the other.
    assert other.post("/leave", {}).status == 200
    assert other.get("/").status == 403
    assert json.loads(visitor.get(f"/study/{study}/report.json").text)["findings"]
