"""``cxr-agent read`` with several priors: a course in time, and what differs from each."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.imaging.films import dicom

from .program import Ran, levels, run_program

pytestmark = pytest.mark.slow

FILMS: dict[str, tuple[float, str | None]] = {
    "now": (0.60, "20190314"),
    "recent": (0.52, "20190101"),
    "old": (0.46, "20180110"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("films")
    for place, (name, (ratio, date)) in enumerate(FILMS.items(), start=1):
        pixels = draw(PhantomSpec(cardiothoracic_ratio=ratio, seed=place), 512).pixels
        study = f"1.2.3.{place}"
        facts = {"PatientID": "P", "PatientAge": "058Y", "StudyInstanceUID": study}
        data = dicom(levels(pixels, 12), StudyDate=date, SOPInstanceUID=f"{study}.1", **facts)
        (made / f"{name}.dcm").write_bytes(data)
    return made


def read(folder: Path, *more: str) -> Ran:
    return run_program(
        *("read", "now.dcm", "--prior", "recent.dcm", "--prior", "old.dcm", *more),
        traces=folder / "traces",
        cwd=folder,
    )


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    ran = read(folder, "--json", "--html", "out.html")
    assert ran.status == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_the_page_has_the_course_and_the_difference_views(
    folder: Path, report: dict[str, Any]
) -> None:
    page = (folder / "out.html").read_text(encoding="utf-8")
    timeline = page[page.index('<section class="sources timeline">') :]
    assert re.findall(r'<th scope="col"[^>]*>(\S+) <small>([^<]+)', timeline) == [
        ("prior-2", "428 days before"),
        ("prior-1", "72 days before"),
        ("img-1", "current film"),
    ]
    ratios = {
        item["image"]: item["value"]
        for item in report["evidence"]
        if item["kind"] == "measurement" and item["code"] == "cardiothoracic_ratio"
    }
    row = re.search(r'<th scope="row">Cardiothoracic ratio</th>(.*?)</tr>', timeline, re.DOTALL)
    assert row is not None
    shown = [float(value) for value in re.findall(r"<b>([\d.]+)</b>", row[1])]
    assert shown == pytest.approx([ratios[h] for h in ("prior-2", "prior-1", "img-1")], abs=6e-4)
    assert "larger since" in row[1]
    assert page.count('<figure class="difference">') == 2
    assert "Not shown" not in page


def test_every_id_in_it_is_evidence(folder: Path, report: dict[str, Any]) -> None:
    page = (folder / "out.html").read_text(encoding="utf-8")
    first, after = (page.index(f'<section class="sources {n}">') for n in ("timeline", "scenes"))
    timeline = page[first:after]
    cited = set(re.findall(r'href="#card-(e\d+)"', timeline))
    assert len(cited) > 10
    assert cited <= {item["id"] for item in report["evidence"]}


def test_a_pipe_gets_the_course_in_german(folder: Path) -> None:
    ran = read(folder, "--lang", "de")
    assert ran.status == 0, ran.err
    told = " ".join(ran.out.split())
    assert "ZEITLICHER VERLAUF" in told
    assert "prior-2, 428 Tage davor: 0," in told
