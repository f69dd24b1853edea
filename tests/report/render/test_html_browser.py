"""The HTML report in a browser: switches hide masks, ids light up what they stand for."""

from __future__ import annotations

import hashlib
import html
import json
import re
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

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

PROBE = """
const shown = (element) => getComputedStyle(element).display !== "none";
const one = (selector) => document.querySelector(selector);
const result = {};
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
const out = document.createElement("pre");
out.id = "probe";
out.textContent = JSON.stringify(result);
document.body.append(out);
"""


def chromium(tmp_path: Path, source: str, *flags: str) -> str:
    page = tmp_path / "report.html"
    page.write_text(source, encoding="utf-8")
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *flags]
    done = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def probed(source: str) -> str:
    """The page with the probe in it, which its policy lets run by its hash."""
    digest = b64encode(hashlib.sha256(PROBE.encode()).digest()).decode()
    allowed, count = re.subn(
        "script-src ", lambda _: f"script-src 'sha256-{digest}' ", html.unescape(_policy(source))
    )
    assert count == 1
    source = source.replace(_policy(source), html.escape(allowed))
    return source.replace("</body>", f"<script>{PROBE}</script></body>")


def _policy(source: str) -> str:
    found = re.search(r'Content-Security-Policy" content="([^"]+)"', source)
    assert found
    return found[1]


def test_switches_and_chips_work(sample: Sample, tmp_path: Path) -> None:
    dom = chromium(tmp_path, probed(to_html(sample.report, sample.files)), "--dump-dom")
    found = re.search(r'<pre id="probe">(.*?)</pre>', dom, re.DOTALL)
    assert found, "the probe did not run"
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    assert result == {
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
