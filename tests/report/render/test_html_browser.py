"""The HTML report in a browser: switches hide masks, ids light up what they stand for."""

from __future__ import annotations

import hashlib
import html
import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from cxr_agent.report.render import to_html

from .conftest import Sample

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--virtual-time-budget=3000",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed"),
]

HELP = """
const shown = (element) => getComputedStyle(element).display !== "none";
const one = (selector) => document.querySelector(selector);
const result = {};
"""
TELL = """
const out = document.createElement("pre");
out.id = "probe";
out.textContent = JSON.stringify(result);
document.body.append(out);
"""
PROBE = """
const mask = one(".mask"), lines = one(".lines");
result.before = shown(mask) && shown(lines);
const switched = document.querySelector(
  `input[data-overlay=${[...mask.classList].find((name) => name.startsWith("o-"))}]`);
switched.click();
result.hidden = !shown(mask);
result.others = [...document.querySelectorAll(".mask")].filter(shown).length;
one(".chip[data-ev=e1]").dispatchEvent(new Event("mouseenter"));
result.hotThoughOff = shown(mask);
one(".chip[data-ev=e1]").dispatchEvent(new Event("mouseleave"));
result.hiddenAgain = !shown(mask);
switched.click();
one(".mode-outline").click();
result.outline = !shown(one(".fill")) && shown(one(".edge"));
one(".mode-off").click();
result.off = [...document.querySelectorAll(".overlay")].filter(shown).length;
one(".report .chip[data-ev=e8]").click();
result.pinned = shown(one("#card-e8")) && shown(lines);
document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
result.released = !shown(one("#card-e8")) && !shown(lines);
one(".r-fill").value = 80;
one(".r-fill").dispatchEvent(new Event("input"));
result.fill = one(".viewer").style.getPropertyValue("--fill");
"""
MAPS = """
const [effusion, consolidation] = document.querySelectorAll(".heat");
const caption = one(".caption");
const said = () => shown(caption) ? caption.innerText : "";
result.before = shown(effusion) || shown(consolidation) || said() !== "";
result.filled = shown(one(".mask .fill"));
one(".t-map").click();
result.on = shown(effusion) && !shown(consolidation);
result.said = said();
result.outlinesOnly = !shown(one(".mask .fill")) && shown(one(".mask .edge"));
one(".mode-off").click();
result.allOff = shown(effusion) || said() !== "";
one(".mode-filled").click();
one(".t-map").click();
result.offAgain = shown(effusion) || said() !== "" || !shown(one(".mask .fill"));
"""
LIT_MAPS = """
one(".report .chip[data-ev=e11]").dispatchEvent(new Event("mouseenter"));
result.lit = shown(consolidation) && !shown(effusion);
result.litSaid = said();
result.focused = one(".viewer").classList.contains("focus");
one(".report .chip[data-ev=e11]").dispatchEvent(new Event("mouseleave"));
result.released = !shown(consolidation) && said() === "";
one(".t-map").click();
one(".reset").click();
result.reset = !shown(effusion);
"""


def chromium(tmp_path: Path, source: str, *flags: str) -> str:
    page = tmp_path / "report.html"
    page.write_text(source, encoding="utf-8")
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *flags]
    done = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def probe(
    tmp_path: Path, source: str, probe: str, *, own_script: bool = True, flags: Sequence[str] = ()
) -> dict[str, Any]:
    """What a probe in the page finds; the page's policy lets it run by its hash.

    Without ``own_script`` the page's script may not run, as where JavaScript is off.
    """
    code = HELP + probe + TELL
    digest = b64encode(hashlib.sha256(code.encode()).digest()).decode()
    allowed, count = re.subn(
        "script-src ('[^']+')",
        lambda own: f"script-src 'sha256-{digest}'" + (f" {own[1]}" if own_script else ""),
        html.unescape(_policy(source)),
    )
    assert count == 1
    source = source.replace(_policy(source), html.escape(allowed))
    source = source.replace("</body>", f"<script>{code}</script></body>")
    dom = chromium(tmp_path, source, "--dump-dom", *flags)
    found = re.search(r'<pre id="probe">(.*?)</pre>', dom, re.DOTALL)
    assert found, "the probe did not run"
    assert ('class="js"' in dom) == own_script
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    return result


def _policy(source: str) -> str:
    found = re.search(r'Content-Security-Policy" content="([^"]+)"', source)
    assert found
    return found[1]


def test_switches_and_chips_work(sample: Sample, tmp_path: Path) -> None:
    assert probe(tmp_path, to_html(sample.report, sample.files), PROBE) == {
        "before": True,
        "hidden": True,
        "others": 4,
        "hotThoughOff": True,
        "hiddenAgain": True,
        "outline": True,
        "off": 0,
        "pinned": True,
        "released": True,
        "fill": "0.8",
    }


MEANING = "A map shows what the classifier used, not where disease is."
NOT_MEASURED = "insertion minus deletion not measured."
SWITCHED = {
    "before": False,
    "filled": True,
    "on": True,
    "said": f"Pleural effusion 0.87, present: insertion minus deletion 0.31. {MEANING}",
    "outlinesOnly": True,
    "allOff": False,
    "offAgain": False,
}


def test_maps_switch_on_and_light_up(classified: Sample, tmp_path: Path) -> None:
    source = to_html(classified.report, classified.files)
    assert probe(tmp_path, source, MAPS + LIT_MAPS) == {
        **SWITCHED,
        "lit": True,
        "litSaid": f"Consolidation 0.43, uncertain: {NOT_MEASURED} {MEANING}",
        "focused": True,
        "released": True,
        "reset": True,
    }


def test_maps_switch_without_javascript(classified: Sample, tmp_path: Path) -> None:
    source = to_html(classified.report, classified.files)
    assert probe(tmp_path, source, MAPS, own_script=False) == SWITCHED


def test_a_map_is_seen_where_it_is_high(classified: Sample, tmp_path: Path) -> None:
    source = to_html(classified.report, classified.files)
    switch = 'class="t-map"'
    pictures = []
    for name, page in (("off", source), ("on", source.replace(switch, f"{switch} checked", 1))):
        shot = tmp_path / f"{name}.png"
        chromium(tmp_path, page, "--window-size=1400,900", f"--screenshot={shot}")
        with Image.open(shot) as picture:
            pictures.append(picture.convert("RGB"))
    off, on = pictures
    # Nothing moves: what differs is the film, its caption and the switch.
    left, _, right, bottom = ImageChops.difference(off, on).getbbox() or (0, 0, 0, 0)
    assert 0 < left < right < 840
    assert bottom < 700
    assert warm(on) - warm(off) > 500


def warm(picture: Image.Image) -> int:
    """Pixels in the bright half of the maps' colours."""
    colours = picture.getcolors(maxcolors=picture.width * picture.height) or ()
    return sum(
        count
        for count, colour in colours
        if isinstance(colour, tuple) and colour[0] > 200 and colour[0] > colour[2] + 90
    )


CLICKS = """
const impression = one(".impression .sentence");
const wanted = [...impression.querySelectorAll(".chip")].map((chip) => chip.dataset.ev);
const lit = () => [...document.querySelectorAll(".viewer .overlay.hot, .viewer .box.hot")]
  .flatMap((shape) => shape.dataset.ev.split(" "));
result.before = lit().length;
impression.click();
result.lit = wanted.some((id) => lit().includes(id));
result.card = shown(one("#card-" + wanted[0]));
result.pinned = impression.classList.contains("pinned");
impression.click();
result.after = lit().length;
const node = one(".scene a.node");
node.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
result.node = lit().includes(node.dataset.ev);
result.stayed = location.hash;
const row = one(".scene a.row");
row.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
result.row = shown(one("#card-" + row.dataset.ev));
result.sentences = document.querySelectorAll(".report .sentence").length;
result.reachable = [...document.querySelectorAll(".scene a")].every((a) => a.tabIndex >= 0);
"""


def test_a_click_on_a_sentence_or_a_place_shows_it_on_the_film(
    sample: Sample, tmp_path: Path
) -> None:
    found = probe(tmp_path, to_html(sample.report, sample.files), CLICKS)
    assert found.pop("sentences") == len(sample.report.sentences())
    assert found == {
        "before": 0,
        "lit": True,
        "card": True,
        "pinned": True,
        "after": 0,
        "node": True,
        "stayed": "",
        "row": True,
        "reachable": True,
    }


COURSE = """
const mark = one(".plot a.mark.now");
mark.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
result.card = shown(one("#card-" + mark.dataset.ev));
result.cells = [...document.querySelectorAll(".course td.hot")].map((cell) => cell.dataset.ev);
one(".course .chip[data-ev=e13]").click();
result.prior = one("#tab-f3").checked && shown(one("#card-e13"));
result.reachable = [...document.querySelectorAll(".plot a")].every((a) => a.tabIndex >= 0);
result.pictures = [...document.querySelectorAll(".difference img")].map((i) => i.naturalWidth);
const within = (shape, frame) => {
  const [a, b] = [shape, frame].map((element) => element.getBoundingClientRect());
  return a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
};
result.outside = [...document.querySelectorAll(".plot svg")].flatMap((plot) =>
  [...plot.querySelectorAll("text, circle, .bar")].filter((shape) => !within(shape, plot))).length;
const boxes = [...document.querySelectorAll(".sources.timeline, .sources.differences")];
result.wide = boxes.some((box) => box.scrollWidth > box.clientWidth);
"""


@pytest.mark.parametrize("width", [1400, 400])
def test_a_timeline_lights_up_and_stays_in_its_place(
    followed: Sample, tmp_path: Path, width: int
) -> None:
    source = to_html(followed.report, followed.files)
    assert probe(tmp_path, source, COURSE, flags=(f"--window-size={width},900",)) == {
        "card": True,
        "cells": ["e7"],
        "prior": True,
        "reachable": True,
        "pictures": [256, 256, 256],
        "outside": 0,
        "wide": False,
    }


def test_timelines_ask_for_nothing(followed: Sample, tmp_path: Path) -> None:
    assert heard(tmp_path, to_html(followed.report, followed.files)) == ([], set())


def heard(tmp_path: Path, source: str) -> tuple[list[str], set[str]]:
    """What a page says on the console, and the addresses that it asks for.

    Chromium's own wishes, to Google, are left out.
    """
    page, log = tmp_path / "page.html", tmp_path / "net.json"
    page.write_text(source, encoding="utf-8")
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--enable-logging=stderr", f"--log-net-log={log}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    events = log.read_text(encoding="utf-8", errors="replace")
    asked = set(re.findall(r'"url":"(https?://[^"]+)', events))
    own = re.compile(r"https?://[a-z0-9.-]*(?:google|googleapis|gvt1)\.com/")
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return said, {url for url in asked if not own.match(url)}


def test_no_error_on_the_console_and_no_request_to_anywhere(sample: Sample, tmp_path: Path) -> None:
    assert heard(tmp_path, to_html(sample.report, sample.files)) == ([], set())


def test_errors_and_requests_would_be_heard(tmp_path: Path) -> None:
    """What the test above relies on."""
    source = "<img src='http://127.0.0.1:9/x.png'><script>throw new Error('loud')</script>"
    said, asked = heard(tmp_path, source)
    assert any("loud" in line for line in said)
    assert asked == {"http://127.0.0.1:9/x.png"}


def test_policy_stops_other_scripts(sample: Sample, tmp_path: Path) -> None:
    source = to_html(sample.report, sample.files)
    attack = "<script>document.body.append('PWN' + 'ED')</script></body>"
    dom = chromium(tmp_path, source.replace("</body>", attack), "--dump-dom")
    assert "PWNED" not in dom


@pytest.mark.parametrize("size", [(1400, 900), (400, 800)])
def test_looks_like_something(sample: Sample, tmp_path: Path, size: tuple[int, int]) -> None:
    shot = tmp_path / "shot.png"
    source = to_html(sample.report, sample.files)
    width, height = size
    chromium(tmp_path, source, f"--window-size={width},{height}", f"--screenshot={shot}")
    with Image.open(shot) as picture:
        colours = picture.convert("RGB").getcolors(maxcolors=width * height)
    # A page that failed is nearly one colour; a film with masks has thousands.
    assert colours is not None
    assert len(colours) > 1000
