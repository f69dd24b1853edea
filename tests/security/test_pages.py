"""Every page that is written or served: a strict policy, and nothing in it that the policy bars.

Each is made of what tries to act: a run, a film, names and numbers of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_agent.batch.overview.overview import overview_of
from cxr_agent.evaluation.runs import Chosen, evaluate
from cxr_agent.reading import Agent
from cxr_agent.testing.phantom import draw
from cxr_agent.trace import TraceWriter
from cxr_agent.trace.diff import diff
from cxr_agent.trace.render_diff_html import diff_html
from cxr_agent.viewing.overview import overview_page
from cxr_agent.viewing.page import to_page
from tests.batch.overview.made import Made, fill, measured
from tests.chromium import PROGRAM, chromium
from tests.cli.program import levels
from tests.evaluation.runs.made import Numbers
from tests.imaging.films import dicom
from tests.reading_room import serving as room
from tests.trace.runs import Did, run_of
from tests.viewing import serving as viewer
from tests.viewing.runs import hostile_events

from .policy import Page, faults

ROOT = Path(__file__).resolve().parents[2]
ACTS = "<script>alert(1)</script><img src=x onerror=alert(1)>"
PAGES = {
    "report": "report.html.j2",
    "report, taken away": "report.html.j2",
    "run": "view.html.j2",
    "run, served": "view.html.j2",
    "study": "view.html.j2",
    "runs": "index.html.j2",
    "start": "start.html.j2",
    "difference": "diff.html.j2",
    "batch": "overview.html.j2",
    "evaluation": "evaluation.html.j2",
}
"""Each kind of page, and the template that it is made of."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Text, and the policy in the head of the answer where it is served."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXR_AGENT_STATE", str(folder / "state"))
        return {**dict(_written(folder)), **dict(_served(folder)), **dict(_of_the_room(folder))}


def _written(folder: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    with TraceWriter.create(folder / "traces", "hostile") as trace:
        for event in hostile_events(trace.put):
            trace.append(event)
    yield "run", (to_page(trace.directory), "")
    sides = run_of([Did("view")], [ACTS]), run_of([Did("ctr")], ["No effusion."])
    yield "difference", (diff_html(diff(*sides)), "")
    studies = [Made(ACTS, [measured(0.5)]), Made("b", state="failed", code=ACTS)]
    batch = fill(folder / "batch", studies)
    yield "batch", (overview_page(overview_of([batch], names=True), [batch], folder), "")
    evaluate(Numbers([1, 2], ["a", "b"]), folder / "evaluated", Chosen(resamples=20))
    yield "evaluation", ((folder / "evaluated" / "result.html").read_text(), "")


def _served(folder: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    with viewer.served(folder / "traces") as server:
        for name, path in (("runs", "/"), ("run, served", "/run/hostile")):
            said = viewer.ask(server, path)
            assert said.status == 200
            yield name, (said.text, said.headers["Content-Security-Policy"])


def _of_the_room(folder: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    film = dicom(levels(draw(size=256).pixels, 12), PatientName=ACTS, StudyDescription=ACTS)
    with (
        Agent(traces=folder / "room", device="cpu", model="none", privacy="full") as agent,
        room.served(agent) as server,
    ):
        visitor = room.Visitor(server.guard.port, server.guard.token)
        study = visitor.read(film, indication=ACTS)
        for name, path in (
            ("start", "/"),
            ("study", f"/study/{study}"),
            ("report", f"/study/{study}/report"),
            ("report, taken away", f"/study/{study}/report.html"),
        ):
            said = visitor.get(path)
            assert said.status == 200
            yield name, (said.text, said.headers["Content-Security-Policy"])


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_strict(pages: dict[str, tuple[str, str]], name: str) -> None:
    text, header = pages[name]
    # What is taken away is saved, and never shown by the server: it has no frame to be in.
    assert faults(text, "" if name == "report, taken away" else header) == []
    assert "Research use only" in text


@pytest.mark.slow
def test_nothing_acts_in_a_real_browser(pages: dict[str, tuple[str, str]], tmp_path: Path) -> None:
    """Opened from the disk, where nothing but the page's own policy holds."""
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not installed")
    alone = ("report, taken away", "run", "runs", "difference", "batch", "evaluation")
    with chromium(tmp_path) as browser:
        for name in alone:
            file = tmp_path / f"{name}.html"
            file.write_text(pages[name][0])
            browser.open(file.as_uri())
            assert browser.console == [], name
            assert browser.requests == [file.as_uri()], name
            bars = "new Promise(done => { const one = document.createElement('script');"
            bars += "one.textContent = 'window.acted = 1'; document.head.append(one);"
            bars += "setTimeout(() => done(window.acted === undefined), 50); })"
            assert browser.tell(bars), f"{name}: a script that was added ran"
            browser.console.clear()


def test_a_report_that_is_shown_is_of_no_origin(pages: dict[str, tuple[str, str]]) -> None:
    assert pages["report"][1].startswith("sandbox allow-scripts;")
    assert pages["report, taken away"][1] == "sandbox"


def test_every_template_is_a_page_of_these() -> None:
    found = {path.name for path in (ROOT / "cxr_agent").rglob("*.html.j2")}
    assert found == set(PAGES.values())


STRICT = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; "
    "form-action 'none'\">"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no one policy"),
        (f"<a href='x'>{STRICT}", "no one policy"),
        (STRICT.replace("default-src 'none'", "default-src *"), "default-src"),
        (STRICT.replace("base-uri 'none'; ", ""), "base-uri"),
        (STRICT.replace("form-action 'none'", ""), "forms"),
        (STRICT.replace("form-", "script-src 'unsafe-inline'; form-"), "script-src"),
        (STRICT.replace("form-", "script-src 'self' https://x; form-"), "script-src"),
        (STRICT.replace("form-", "connect-src https://x; form-"), "connect-src"),
        (f"{STRICT}<script>x()</script>", "does not know"),
        (f"{STRICT}<script src='https://x/y.js'></script>", "a script at"),
        (f"{STRICT}<p onclick='x()'>", "handler onclick"),
        (f"{STRICT}<a href='javascript:x()'>", "address javascript:"),
    ],
)
def test_what_is_not_strict_is_found(text: str, said: str) -> None:
    assert any(said in fault for fault in faults(text))


def test_what_is_strict_is_not() -> None:
    assert faults(f"{STRICT}<p>text</p><script type='application/json'>1</script>") == []
    assert Page(STRICT).policies
