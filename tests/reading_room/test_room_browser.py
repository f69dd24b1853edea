"""The page in a real Chromium: a film is dropped, read, asked about, corrected and taken away."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from cxr_agent.reading import Agent
from cxr_agent.reading_room.server import Server
from cxr_agent.trace import Asked, Corrected, read_trace, verify
from tests.chromium import Browser
from tests.cli.program import hand, save

from .serving import until

pytestmark = pytest.mark.slow

HOSTILE_NAME = "<img src=x onerror=window.pwned=1>.png"


def base(server: Server) -> str:
    return f"http://127.0.0.1:{server.guard.port}"


def trouble(browser: Browser, server: Server) -> list[str]:
    """Whom the browser asked but the server, and what the page complained about."""
    foreign = [url for url in browser.requests if not url.startswith(base(server))]
    return foreign + browser.console


def test_from_a_dropped_film_to_what_is_taken_away(
    browser: Browser, server: Server, agent: Agent, film: bytes, tmp_path: Path
) -> None:
    dropped = tmp_path / HOSTILE_NAME
    dropped.write_bytes(film)
    (tmp_path / "two.png").write_bytes(film)
    browser.open(server.guard.address)
    browser.wait("document.querySelector('h1')?.textContent === 'Read a film'")
    assert browser.tell("location.href") == f"{base(server)}/"
    assert "Research use only" in browser.tell("document.querySelector('.notice').textContent")
    assert browser.tell("document.cookie") == ""

    # Drop it. Its name is shown as text, and is not sent.
    browser.drop("label[for=current]", dropped)
    browser.wait("document.getElementById('current').files.length === 1")
    browser.drop("label[for=current]", dropped, tmp_path / "two.png")
    browser.wait("document.querySelector('output[for=current]').textContent.includes('<img src=x')")
    browser.drop("label[for=current]", dropped)
    browser.wait("document.getElementById('current').files.length === 1")
    browser.click("input[name=indication]")
    browser.type("enlarged heart?")
    browser.click("#read")

    # Watch: the steps come while it is read, and are told.
    browser.wait("location.pathname.startsWith('/study/') && document.getElementById('pulse')")
    browser.wait("document.querySelectorAll('.row').length > 5")
    browser.wait("document.getElementById('told').textContent.length > 0")
    # Read: the report, each sentence with the evidence that it rests on, and lines on the film.
    browser.wait("document.querySelector('#pane .sentences .chip')")
    (directory,) = agent.traces.iterdir()
    assert "Impression" in browser.tell("document.getElementById('pane').textContent")
    browser.tell(
        "[...document.querySelectorAll('#pane .sentence')].find((one) => "
        "/ratio 0[.]/.test(one.textContent)).querySelector('.said').click()"
    )
    browser.wait("document.querySelector('.canvas .overlay.lines polyline')")

    # Ask, with the keyboard.
    browser.tell("document.getElementById('question').focus()")
    browser.type("Is there a pleural effusion?")
    browser.press("Enter")
    browser.wait("document.getElementById('answer-notes').textContent.includes('leural effusion')")
    browser.wait("document.querySelector('#tab-dialogue').getAttribute('aria-selected') === 'true'")
    browser.wait("document.getElementById('pane').textContent.includes('pleural effusion')")

    # Correct.
    browser.click("#correct")
    browser.tell("document.querySelector('#correction-form [name=code]').value = 'cardiomegaly'")
    browser.click("#correction-form input[value=present]")
    browser.click("#correction-form input[name=who]")
    browser.type("Dr B. Reader")
    browser.click("#correction-form textarea")
    browser.type("<script>window.pwned = 1</script>")
    browser.click("#correction-form [type=submit]")
    browser.wait("!document.getElementById('correction').open")
    browser.press("3")
    browser.wait("document.getElementById('pane').textContent.includes('Dr B. Reader')")

    # Take away.
    saved = tmp_path / "saved"
    browser.save_to(saved)
    for name in ("report.json", "trace.zip"):
        browser.click(f"a.take[href$='{name}']")
        until(lambda name=name: (saved / f"cxr-agent-{name}").exists())
    report = json.loads((saved / "cxr-agent-report.json").read_text())
    assert report["history"] == "enlarged heart?"
    assert any("reader" in item["provenance"]["tool"] for item in report["evidence"])
    with zipfile.ZipFile(saved / "cxr-agent-trace.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert verify(read_trace(tmp_path / "unpacked" / directory.name)).intact

    assert browser.tell("window.pwned") is None
    assert trouble(browser, server) == []
    trace = read_trace(directory)
    assert [event.why for event in trace.events if isinstance(event, Corrected)] == [
        "<script>window.pwned = 1</script>"
    ]
    assert sum(isinstance(event, Asked) for event in trace.events) == 1

    # The report as a page of its own is of no origin, and works.
    address = browser.tell("document.querySelector(\"a.take[href$='/report']\").href")
    browser.open(address)
    assert browser.tell("window.origin") == "null"
    assert "cardiac silhouette" in browser.tell("document.body.innerText")
    assert trouble(browser, server) == []
    # Back to the list, and out.
    browser.open(f"{base(server)}/")
    assert browser.tell("document.querySelector('.runs .pill').textContent") == "open"
    browser.click("#leave")
    browser.wait("location.pathname === '/left'")
    assert "Research use only" in browser.tell("document.body.innerText")
    assert list(server.uploads.rglob("*")) == [server.uploads / ".lock"]


def test_what_is_refused_is_said_in_one_line(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    browser.size(400, 800)
    browser.prefer(scheme="dark")
    browser.open(server.guard.address)
    browser.wait("document.getElementById('current')")
    said = "document.getElementById('trouble').textContent"
    shown = "document.getElementById('trouble')?.checkVisibility()"
    wide = "document.documentElement.scrollWidth"
    text = tmp_path / "film.svg"
    text.write_text("<svg xmlns='http://www.w3.org/2000/svg' onload='window.pwned=1'/>")
    browser.choose("#current", text)
    browser.choose("#earlier", text)
    browser.click("#read")
    browser.wait(shown)
    assert browser.tell(said).startswith("not_an_image: ")
    # Too large is said before anything is sent.
    browser.requests.clear()
    with (tmp_path / "large.dcm").open("wb") as file:
        file.truncate(65 * 2**20)
    browser.choose("#current", tmp_path / "large.dcm")
    browser.click("#read")
    browser.wait(f"{said}.startsWith('too_large: large.dcm ')")
    assert browser.requests == []
    # A picture that turns out to be no chest has a run, which says so.
    browser.choose("#current", save(tmp_path / "hand.png", hand()))
    browser.tell("document.getElementById('earlier').value = ''")
    browser.click("#read")
    browser.wait(f"{shown} && {said}.startsWith('not_chest: ')")
    assert browser.tell(wide) == 400
    browser.open(f"{base(server)}/")
    assert "not_chest: " in browser.tell("document.querySelector('.runs').textContent")
    assert browser.tell(wide) == 400
    assert browser.tell("window.pwned") is None
    assert trouble(browser, server) == []
    browser.size(1500, 950)
