"""The server in a real Chromium: the way in, a run that goes on, a correction by a reader."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_agent.trace import Corrected, TraceWriter, read_trace, verify
from cxr_agent.viewing.server import Server
from tests.chromium import Browser

from .runs import drawn_events
from .serving import served

pytestmark = pytest.mark.slow

ROWS = "document.querySelectorAll('.row').length"


@pytest.fixture
def server(traces: Path) -> Iterator[Server]:
    with served(traces, privacy="full") as running:
        yield running


def base(server: Server) -> str:
    return f"http://127.0.0.1:{server.guard.port}"


def come_in(browser: Browser, server: Server) -> None:
    browser.open(server.guard.address)
    browser.wait("document.querySelector('h1')?.textContent === 'Runs'")


def trouble(browser: Browser, server: Server) -> list[str]:
    """Whom the browser asked but the server, and what the page complained about."""
    foreign = [url for url in browser.requests if not url.startswith(base(server))]
    return foreign + browser.console


def test_the_address_lets_in_and_does_not_stay(
    browser: Browser, server: Server, reading: Path
) -> None:
    browser.open(f"{base(server)}/run/{reading.name}")
    assert "no_token" in browser.tell("document.body.innerText")
    come_in(browser, server)
    browser.console.clear()  # it complained about the refusal
    assert browser.tell("location.href") == f"{base(server)}/"
    assert browser.tell("document.cookie") == ""
    browser.click(".runs td a")
    browser.wait(
        "document.getElementById('list')?.children.length && document.querySelector('.row')"
    )
    browser.wait("document.getElementById('pulse').textContent === 'live'")
    assert trouble(browser, server) == []


def test_filters_work_without_a_script(browser: Browser, server: Server, reading: Path) -> None:
    come_in(browser, server)
    assert browser.tell("document.scripts.length") == 0
    browser.click("input[name=finding]")
    browser.type("nothing of the kind")
    browser.press("Enter")
    browser.wait("document.body.innerText.includes('No run fits')")
    browser.click(".filters .back")
    browser.wait("document.querySelector('.runs td a')")


def test_a_run_that_goes_on_is_followed(browser: Browser, server: Server, traces: Path) -> None:
    with TraceWriter.create(traces, "running") as trace:
        events = drawn_events(trace.put)
        for event in itertools.islice(events, 4):
            trace.append(event)
        come_in(browser, server)
        browser.open(f"{base(server)}/run/running")
        browser.wait("document.getElementById('pulse').textContent === 'live'")
        assert "did not end" in browser.tell("document.body.innerText")
        assert browser.tell("document.getElementById('follow').checked")
        before = browser.tell(ROWS)
        for event in itertools.islice(events, 3):  # called, returned, evidence
            trace.append(event)
        browser.wait("document.querySelectorAll('.canvas .overlay').length === 5")
        assert browser.tell(ROWS) >= before
        # Who looks at something is not taken away from it.
        browser.press("Home")
        assert not browser.tell("document.getElementById('follow').checked")
        browser.click("#detail .raw summary")
        browser.wait("document.querySelector('#detail .raw .line')")
        for event in events:
            trace.append(event)
        browser.wait("document.querySelector('.facts .pill').textContent === 'complete'")
        assert browser.tell("document.querySelector('.row[aria-selected=true] b').textContent") == (
            "Run started"
        )
        browser.wait("document.querySelector('#detail .raw .line')")
        assert "did not end" not in browser.tell("document.body.innerText")
        assert "Sentence 6." in browser.tell("document.getElementById('pane').innerText")
        assert browser.tell("document.querySelectorAll('.facts .pill')[1].textContent") == (
            "chain intact"
        )
    assert trouble(browser, server) == []


def test_a_reader_corrects_a_finding(
    browser: Browser, server: Server, reading: Path, tmp_path: Path
) -> None:
    come_in(browser, server)
    browser.open(f"{base(server)}/run/{reading.name}")
    browser.wait("document.getElementById('pulse').textContent === 'live'")
    lit = browser.tell(
        "[...document.querySelectorAll('#pane .chip:not(.gone)')].find((chip) => "
        "chip.title.includes('nlarged cardiac'))?.dataset.ev"
    )
    browser.click(f"#pane [data-ev={lit}]")
    browser.click("#correct")
    assert browser.tell("document.getElementById('correction-form').elements.code.value") == (
        "cardiomegaly"
    )
    # A reason that is missing is asked for before anything is sent.
    browser.click("#correction-form input[value=absent]")
    browser.click("#correction-form input[name=who]")
    browser.type("Dr B. Reader")
    browser.click("#correction-form [type=submit]")
    assert browser.tell("document.getElementById('correction').open")
    browser.click("#correction-form textarea")
    browser.type("a deep breath <b>shows</b> it smaller")
    browser.click("#correction-form [type=submit]")
    browser.wait("!document.getElementById('correction').open")
    selected = "document.querySelector('.row[aria-selected=true]').innerText"
    browser.wait(f"{selected}.includes('Dr B. Reader')")
    browser.wait("document.querySelector('.facts .pill').textContent === 'complete'")
    browser.press("3")
    pane = browser.tell("document.getElementById('pane').innerText")
    assert "Dr B. Reader: a deep breath <b>shows</b> it smaller" in pane
    trace = read_trace(reading)
    assert verify(trace).intact
    assert [e.who for e in trace.events if isinstance(e, Corrected)][-1] == "Dr B. Reader"
    assert trouble(browser, server) == []
    # In the list as well.
    come_in(browser, server)
    assert browser.tell("document.querySelector('.runs tbody td:last-child').textContent") == "2"


def test_what_the_server_refuses_is_said(browser: Browser, server: Server, reading: Path) -> None:
    come_in(browser, server)
    browser.open(f"{base(server)}/run/{reading.name}")
    browser.wait("document.getElementById('pulse').textContent === 'live'")
    writer, _ = TraceWriter.resume(reading)
    with writer:
        browser.click("#correct")
        browser.click("#correction-form input[value=absent]")
        browser.click("#correction-form input[name=who]")
        browser.type("me")
        browser.click("#correction-form textarea")
        browser.type("so")
        browser.click("#correction-form [type=submit]")
        browser.wait("!document.getElementById('correction-error').hidden")
        said = browser.tell("document.getElementById('correction-error').textContent")
    assert said.startswith("trace_in_use: ")


def test_a_server_that_ended_is_said(browser: Browser, traces: Path, reading: Path) -> None:
    with served(traces) as server:
        come_in(browser, server)
        browser.open(f"{base(server)}/run/{reading.name}")
        browser.wait("document.getElementById('pulse').textContent === 'live'")
    browser.wait("document.getElementById('pulse').textContent === 'not connected'")
    browser.press("j")
    assert browser.tell(ROWS) > 5
