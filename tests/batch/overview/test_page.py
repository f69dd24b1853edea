"""The page over a batch: its links, what it does not tell, hostile names; in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from cxr_agent.batch.overview.overview import overview_of
from cxr_agent.cli.batch_report import report
from cxr_agent.report.model import NOTICE
from cxr_agent.viewing.overview import overview_page
from tests.chromium import PROGRAM, Browser, chromium

from .made import Made, files_of, fill, judged, limited, measured

HOSTILE = "<img src=x onerror=alert(1)>\u202e\x07.dcm"
APP = typer.Typer()
APP.command()(report)


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def batch(folder: Path) -> Path:
    """A site that differs, an outlier with its report and trace, refused and failed studies."""
    rng = np.random.default_rng(0)
    studies = []
    for i in range(400):
        value = float(rng.normal(0.5 + 0.06 * (i % 2), 0.04))
        rows = [
            measured(value),
            judged("present" if i % 9 == 0 else "absent", float(rng.random())),
            judged("present" if i == 8 else "absent", code="pneumothorax"),
        ]
        studies.append(Made(f"f{i}.dcm", rows, run=f"s{i + 1:07d}-ab", seconds=1 + i % 7))
    studies[4].rows[0]["value"] = 1.4
    studies[5].rows = [limited("side_cut_off"), judged("absent", 0.1)]
    studies[6] = Made(HOSTILE, state="refused", code="truncated")
    studies[7] = Made("f7.dcm", state="failed", code="<script>alert(2)</script>")
    session = {"ended": "2026-01-01T00:10:00Z", "seconds": 400.0, "studies": 400, "lost_workers": 1}
    made = fill(folder, studies, [session])
    for number in (5, 9, 10):
        files_of(made, number, f"s{number:07d}-ab")
    return made


def groups(folder: Path) -> Path:
    table = folder / "groups.csv"
    names = [f"f{i}.dcm,{'north' if i % 2 else '<b>south</b>'}" for i in range(400)]
    table.write_text("\n".join(["file,site", *names]))
    return table


def page_of(folder: Path, *, names: bool = False, into: Path | None = None) -> str:
    return overview_page(overview_of([folder], names=names), [folder], into or folder)


@pytest.mark.parametrize("elsewhere", ["", "pages/for: you"])
def test_links_lead_to_reports_and_traces(tmp_path: Path, elsewhere: str) -> None:
    folder = batch(tmp_path / "a batch#1")
    into = folder / elsewhere
    into.mkdir(exist_ok=True, parents=True)
    parser = Links()
    parser.feed(page_of(folder, into=into))
    files = [one for one in parser.found if not one.startswith(("#", "data:"))]
    targets = {(into / unquote(one)).resolve() for one in files}
    assert all(one.startswith("./") for one in files)
    assert all(one.exists() for one in targets)
    reports = {one.relative_to(folder.resolve()).as_posix() for one in targets}
    assert {"reports/0000/s0000005.html", "traces/0000/s0000005-ab"} <= reports


def test_no_name_is_told_unless_asked_for(tmp_path: Path) -> None:
    folder = batch(tmp_path)
    assert ".dcm" not in page_of(folder)
    assert str(tmp_path) not in page_of(folder)
    assert "f4.dcm" in page_of(folder, names=True)


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    page = page_of(batch(tmp_path), names=True)
    assert "<img" not in page
    assert "&lt;img src=x" in page
    assert "\u202e" not in page
    assert "\x07" not in page
    assert page.count("<script") == 1


def test_what_the_page_says(tmp_path: Path) -> None:
    page = re.sub(r"\s+", " ", unescape(page_of(batch(tmp_path))))
    assert NOTICE in page
    assert "cardiothoracic ratio" in page
    assert "no error of the reader by itself" in page
    assert "a copy that did not finish" in page
    assert "script-src 'sha256-" in page
    assert "default-src 'none'" in page


@pytest.mark.parametrize("studies", [[], [Made("a", state="failed", code="internal_error")]])
def test_a_page_of_next_to_nothing(tmp_path: Path, studies: list[Made]) -> None:
    page = page_of(fill(tmp_path, studies))
    assert "Nothing was measured." in page
    assert "Too few to compare." in page


def test_the_command_writes_the_page_and_the_same_facts(tmp_path: Path) -> None:
    folder = batch(tmp_path / "batch")
    table = groups(tmp_path)
    said = CliRunner().invoke(APP, [str(folder)])
    assert said.output.splitlines() == [f"Page: {folder}/overview.html"]
    out = tmp_path / "page.html"
    options = ["--groups", str(table), "--by", "site", "--json", "--out", str(out)]
    told = json.loads(CliRunner().invoke(APP, [str(folder), *options]).output)
    assert told["file"] == str(out)
    assert told["bytes"] == out.stat().st_size
    assert told["studies"]["read"] == 398
    differs = {one["subject"] for one in told["drift"]["comparisons"] if one["verdict"] == "large"}
    assert differs == {"cardiothoracic ratio"}
    page = out.read_text()
    assert "&lt;b&gt;south&lt;/b&gt;" in page
    assert "comparisons differ" in page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not PROGRAM.exists():
        pytest.skip("chromium is not installed")
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.mark.slow
def test_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    folder = batch(tmp_path / "batch")
    table = groups(tmp_path)
    options = ["--groups", str(table), "--names"]
    assert CliRunner().invoke(APP, [str(folder), *options]).exit_code == 0
    page = folder / "overview.html"
    seen = {}
    for scheme in ("light", "dark"):
        browser.prefer(scheme=scheme)
        browser.open(page.as_uri())
        seen[scheme] = browser.tell("getComputedStyle(document.body).backgroundColor")
        assert browser.requests == [page.as_uri()]
    assert seen["light"] != seen["dark"]
    # The page does not scroll sideways, and every number of a histogram is a bar.
    browser.size(700, 900)
    assert browser.tell("document.documentElement.scrollWidth") <= 700
    assert browser.tell("document.querySelectorAll('#measurements svg .bin').length") >= 8
    # A column is sorted by the keyboard alone.
    table_of = "[...document.querySelectorAll('#failures table')].at(-1)"
    codes = f"[...{table_of}.tBodies[0].rows].map((row) => row.cells[1].textContent)"
    browser.tell(f"{table_of}.tHead.querySelectorAll('button')[1].focus()")
    browser.press("Enter")
    ascending = browser.tell(codes)
    browser.press("Enter")
    assert ascending == sorted(ascending)
    assert browser.tell(codes) == ascending[::-1]
    assert browser.tell(f"{table_of}.tHead.querySelector('[aria-sort]').ariaSort") == "descending"
    # A link leads to the report.
    browser.click("#outliers a")
    browser.wait("document.title === 'report'")
    assert browser.console == []
