"""What the server gives, and what it gives nobody."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import TraceError, UsageError
from cxr_agent.trace import (
    Corrected,
    ReportIssued,
    RunFinished,
    RunStarted,
    TraceWriter,
    read_trace,
    verify,
)
from cxr_agent.viewing.guard import Guard
from cxr_agent.viewing.server import Server
from tests.cli.program import MODULE, ROOT, environment

from .runs import drawn_events
from .serving import ask, from_page, served

WORD = {
    "film": "img-1",
    "code": "cardiomegaly",
    "polarity": "absent",
    "side": None,
    "who": "Dr B. Reader",
    "why": "a deep breath shows it smaller",
}


@pytest.fixture
def server(traces: Path, reading: Path, drawn: Path) -> Iterator[Server]:
    with served(traces, privacy="full") as running:
        yield running


def corrected(server: Server, name: str, word: object = WORD, **headers: str) -> Any:
    body = word if isinstance(word, bytes) else json.dumps(word).encode()
    return ask(
        server,
        f"/run/{name}/corrections",
        method="POST",
        body=body,
        **{**from_page(server), **headers},
    )


def test_it_listens_on_this_machine_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.guard.address.startswith(f"http://127.0.0.1:{server.guard.port}/?token=")


def test_the_token_gives_a_cookie_and_nothing_else_does(server: Server) -> None:
    assert ask(server, "/", known=False).status == 403
    assert ask(server, "/?token=wrong", known=False).status == 403
    assert ask(server, "/?token=", known=False).status == 403
    assert ask(server, "/", known=False, Cookie="cxr-agent=x; \x01").status == 403
    assert ask(server, "/", known=False, Cookie=f"{server.guard.cookie_name}=x").status == 403
    let_in = ask(server, f"/?token={server.guard.token}", known=False)
    assert (let_in.status, let_in.headers["Location"], let_in.text) == (303, "/", "")
    cookie = let_in.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert ask(server, "/", known=False, Cookie=cookie.partition(";")[0]).status == 200


def test_secrets_differ_and_are_not_shown() -> None:
    guard = Guard(1)
    assert len({guard.token, guard.session, guard.page, Guard(1).token}) == 4
    assert guard.token not in repr(guard)


def test_no_page_holds_the_token_or_the_cookie(server: Server, reading: Path) -> None:
    for path in ("/", f"/run/{reading.name}"):
        page = ask(server, path).text
        assert server.guard.token not in page
        assert server.guard.session not in page


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
def test_a_foreign_name_or_page_gets_nothing(server: Server, headers: dict[str, str]) -> None:
    said = ask(server, "/", **headers)
    assert (said.status, said.text) == (403, "foreign: this server answers itself alone\n")
    assert ask(server, f"/?token={server.guard.token}", known=False, **headers).status == 403


def test_localhost_is_this_machine_too(server: Server) -> None:
    assert ask(server, "/", Host=f"localhost:{server.guard.port}").status == 200


def test_every_answer_says_that_it_stays_here(server: Server, reading: Path) -> None:
    for path in ("/", f"/run/{reading.name}", "/nowhere"):
        headers = ask(server, path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "Python" not in headers["Server"]


@pytest.mark.parametrize(
    "path",
    [
        "/run/../../etc/passwd",
        "/run/..%2f..%2fetc%2fpasswd",
        "/run/%2e%2e",
        "/run/.",
        "/run/",
        "/run//events",
        "/run/nothing/events",
        "/run/nothing",
        "/trace.jsonl",
        "//etc/passwd",
        "/run/{name}/trace.jsonl",
        "/run/{name}/artifacts",
        "/run/{name}/",
        "/run/{name}%00",
        "/static",
    ],
)
def test_only_what_is_listed_is_found(server: Server, reading: Path, path: str) -> None:
    said = ask(server, path.format(name=reading.name))
    assert (said.status, said.text.count("\n")) == (404, 1)


def test_a_link_leads_nowhere(server: Server, traces: Path, tmp_path: Path, drawn: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(drawn, outside)
    (traces / "linked").symlink_to(outside)
    (traces / "half").mkdir()
    (traces / "half" / "trace.jsonl").symlink_to(outside / "trace.jsonl")
    assert ask(server, "/run/linked").status == 404
    assert ask(server, "/run/half").status == 404
    assert "linked" not in ask(server, "/").text


def test_other_methods_and_broken_requests_are_one_line(server: Server) -> None:
    for method in ("PUT", "DELETE", "OPTIONS", "HEAD"):
        assert ask(server, "/", method=method).status == 501
    assert ask(server, "/", method="POST", **from_page(server)).status == 404
    connection = http.client.HTTPConnection("127.0.0.1", server.guard.port, timeout=20)
    connection.putrequest("GET", "/" + "a" * 70000)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.read().decode().count("\n")) == (414, 1)
    connection.close()


def test_the_list_and_its_filters(server: Server, reading: Path, drawn: Path) -> None:
    def listed(query: str = "") -> set[str]:
        return set(re.findall(r'href="/run/([^"]+)"', ask(server, f"/{query}").text))

    both = {reading.name, drawn.name}
    assert listed() == both
    assert listed("?planner=llm") == {drawn.name}
    assert listed("?status=complete&planner=") == both
    assert listed("?status=failed") == set()
    assert listed("?finding=effusion+right+reader") == {reading.name}
    assert listed("?finding=What+measure_ctr") == {drawn.name}
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert listed(f"?since={today}&until={today}") == both
    assert listed("?until=2001-01-01") == set()
    page = ask(server, "/?finding=%22%3E%3Cscript%3E").text
    assert "<script" not in page
    assert ask(server, "/?since=yesterday").text.startswith("bad_date: ")
    assert "pleural effusion" in ask(server, "/").text


def test_a_list_survives_what_lies_in_the_folder(
    server: Server, traces: Path, reading: Path, hostile: Path
) -> None:
    (reading / "trace.jsonl").write_bytes(b"garbage\n")
    odd = traces / os.fsdecode(b"a b%2f\xff<")
    shutil.copytree(hostile, odd)
    page = ask(server, "/").text
    assert "trace damaged" in page
    assert "<script" not in page
    address = re.search(r'href="(/run/a%20b[^"]+)"', page)
    assert address is not None
    assert ask(server, address[1]).status == 200


def test_a_run_is_shown_live(server: Server, reading: Path) -> None:
    page = ask(server, f"/run/{reading.name}").text
    assert "connect-src &#39;self&#39;" in page
    assert f'"events":"/run/{reading.name}/events"' in page
    assert server.guard.page in page


def stream(server: Server, path: str, **headers: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(id, data) of the events of a stream."""
    connection = http.client.HTTPConnection("127.0.0.1", server.guard.port, timeout=20)
    cookie = server.guard.cookie.partition(";")[0]
    connection.request("GET", path, headers={"Cookie": cookie, **headers})
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    number = 0
    try:
        while line := answer.readline().decode().rstrip("\n"):
            if line.startswith("id: "):
                number = int(line[4:])
            elif line.startswith("data: "):
                yield number, json.loads(line[6:])
                answer.readline()
    finally:
        connection.close()


def test_acknowledged_lines_come_as_they_are_written(server: Server, traces: Path) -> None:
    with TraceWriter.create(traces, "running") as trace:
        events = list(drawn_events(trace.put))
        for event in events[:6]:
            trace.append(event)
        lines = stream(server, "/run/running/events?after=2")
        number, first = next(lines)
        assert (number, len(first["lines"])) == (6, 4)
        assert "verification" not in first
        assert first["lines"][0]["seq"] == 3
        with (trace.directory / "trace.jsonl").open("ab") as file:
            file.write(b'{"torn')  # not acknowledged: it may still be taken back
        time.sleep(0.5)
        os.truncate(trace.directory / "trace.jsonl", trace._end.size)
        for event in events[6:]:
            trace.append(event)
        got: list[int] = []
        more: dict[str, Any] = {}
        while "verification" not in more:
            number, more = next(lines)
            got += [line["seq"] for line in more["lines"]]
        assert more["verification"]["intact"] is True
        assert got == list(range(7, len(events) + 1))
        assert number == len(events)
    again = stream(server, "/run/running/events?after=0", **{"Last-Event-ID": "40"})
    assert [line["seq"] for line in next(again)[1]["lines"]] == [41]


def test_streams_are_counted_and_checked(server: Server, reading: Path) -> None:
    path = f"/run/{reading.name}/events"
    assert ask(server, f"{path}?after=x").status == 400
    assert ask(server, path, known=False).status == 403
    while server.streams.acquire(blocking=False):
        pass
    assert ask(server, path).status == 503


def test_a_correction_goes_through(server: Server, reading: Path) -> None:
    before = read_trace(reading)
    said = corrected(server, reading.name)
    assert said.status == 200, said.text
    done = json.loads(said.text)
    after = read_trace(reading)
    assert verify(after).intact
    assert after.lines[: len(before.lines)] == before.lines
    (event,) = [e for e in after.events[len(before.lines) :] if isinstance(e, Corrected)]
    assert (event.who, event.why) == ("Dr B. Reader", "a deep breath shows it smaller")
    assert (event.target, event.value) == ("cardiomegaly", {"polarity": "absent"})
    assert done["withdrawn"]
    assert isinstance(after.events[-1], RunFinished)
    issued = [e for e in after.events[len(before.lines) :] if isinstance(e, ReportIssued)]
    report = json.loads(after.artifact(issued[-1].report_sha256))
    (item,) = [
        e for e in report["evidence"] if e["code"] == "cardiomegaly" and e["kind"] == "finding"
    ]
    assert (item["polarity"], item["provenance"]["tool"]) == ("absent", "reader")
    assert item["id"] in done["added"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"X_Cxr_Page": "guess"},
        {"X_Cxr_Page": ""},
        {"Cookie": "none=1"},
        {"Host": "evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
    ids=lambda headers: "=".join(*headers.items()),
)
def test_nobody_else_corrects(server: Server, reading: Path, headers: dict[str, str]) -> None:
    before = (reading / "trace.jsonl").read_bytes()
    assert corrected(server, reading.name, **headers).status == 403
    assert (reading / "trace.jsonl").read_bytes() == before


def test_a_correction_without_an_origin_is_refused(server: Server, reading: Path) -> None:
    headers = from_page(server)
    del headers["Origin"]
    path = f"/run/{reading.name}/corrections"
    said = ask(server, path, method="POST", body=json.dumps(WORD).encode(), **headers)
    assert said.status == 403


@pytest.mark.parametrize(
    ("word", "code"),
    [
        (b"", "bad_correction"),
        (b"[" * 9000, "bad_correction"),
        ({**WORD, "polarity": "perhaps"}, "bad_correction"),
        ({**WORD, "side": "above"}, "bad_correction"),
        ({**WORD, "why": " "}, "bad_correction"),
        ({**WORD, "who": ""}, "bad_correction"),
        ({**WORD, "more": 1}, "bad_correction"),
        ({**WORD, "code": "heart"}, "unknown_finding"),
        ({**WORD, "code": "../x"}, "unknown_finding"),
        ({**WORD, "film": "img-9"}, "unknown_film"),
    ],
)
def test_a_bad_correction_leaves_the_run_as_it_is(
    server: Server, reading: Path, word: object, code: str
) -> None:
    before = (reading / "trace.jsonl").read_bytes()
    said = corrected(server, reading.name, word)
    assert said.status == 400
    assert said.text.startswith(f"{code}: ")
    assert said.text.count("\n") == 1
    assert (reading / "trace.jsonl").read_bytes() == before


def test_bodies_have_a_type_and_a_limit(server: Server, reading: Path) -> None:
    name = reading.name
    assert corrected(server, name, Content_Type="text/plain").status == 415
    assert corrected(server, name, {**WORD, "why": "x" * 20_000}).status == 413
    assert corrected(server, name, Content_Length="-1").status == 411
    assert corrected(server, name, Content_Length="9" * 30).status == 413
    assert corrected(server, "nothing").status == 404


def test_a_run_that_is_written_or_damaged_is_not_corrected(
    server: Server, reading: Path, traces: Path
) -> None:
    with TraceWriter.create(traces, "busy") as trace:
        trace.append(RunStarted(run_id="busy", program_version="1", planner="llm"))
        said = corrected(server, "busy")
        assert (said.status, said.text.partition(":")[0]) == (409, "trace_in_use")
    said = corrected(server, "busy")
    assert (said.status, said.text.partition(":")[0]) == (400, "unknown_film")
    lines = (reading / "trace.jsonl").read_bytes()
    (reading / "trace.jsonl").write_bytes(lines.replace(b'"cardiomegaly"', b'"pneumothorax"', 1))
    said = corrected(server, reading.name)
    assert (said.status, said.text.partition(":")[0]) == (409, "trace_damaged")


def test_corrections_at_once_follow_each_other(server: Server, reading: Path) -> None:
    statuses: list[int] = []

    def one(who: str) -> None:
        statuses.append(corrected(server, reading.name, {**WORD, "who": who}).status)

    threads = [threading.Thread(target=one, args=(f"reader {n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 3
    trace = read_trace(reading)
    assert verify(trace).intact
    who = {event.who for event in trace.events if isinstance(event, Corrected)}
    assert {"reader 0", "reader 1", "reader 2"} <= who


def test_no_folder_and_no_port(tmp_path: Path, traces: Path) -> None:
    with pytest.raises(TraceError, match="trace_not_found"):
        Server(tmp_path / "none")
    with served(traces) as server, pytest.raises(UsageError, match="port_taken"):
        Server(traces, server.guard.port)


def test_the_program_serves_until_it_is_told_to_end(traces: Path, reading: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, *MODULE, "trace", "serve", str(traces), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(traces),
        cwd=ROOT,
    )
    try:
        assert program.stdout is not None
        told = json.loads(program.stdout.readline())
        connection = http.client.HTTPConnection("127.0.0.1", told["port"], timeout=20)
        connection.request("GET", "/" + told["address"].partition("/?")[2].join(("?", "")))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 303
        # An open stream does not keep it.
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        following = http.client.HTTPConnection("127.0.0.1", told["port"], timeout=20)
        following.request("GET", f"/run/{reading.name}/events", headers={"Cookie": cookie})
        following.getresponse().readline()
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=20)
        following.close()
        connection.close()
    finally:
        program.kill()
        program.wait()
    assert (program.returncode, out, err) == (0, "", "")
