"""Makes docs/serve.png: ``python -m tests.reading_room.picture``."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_agent.reading import Agent
from cxr_agent.testing.phantom import draw
from tests.chromium import Browser, chromium

from .serving import served

_COLOURS = 96


def picture(folder: Path, browser: Browser) -> Image.Image:
    """A study that was read and asked about, as the page shows it."""
    film = folder / "film.png"
    Image.fromarray(np.rint(draw(size=1024).pixels * 255).astype(np.uint8)).save(film)
    with (
        Agent(traces=folder / "traces", device="cpu", model="none", privacy="full") as agent,
        served(agent) as server,
    ):
        browser.open(server.guard.address)
        browser.wait("document.getElementById('current')")
        browser.choose("#current", film)
        browser.click("#read")
        browser.wait("document.querySelector('#pane .sentences .chip')")
        browser.wait("document.querySelector('#unfinished')")
        browser.click("#question")
        browser.type("Is the heart enlarged?")
        browser.press("Enter")
        browser.wait("document.querySelector('#pane .turn')")
        browser.tell(
            "[...document.querySelectorAll('#pane .said')].find((one) => "
            "/ratio 0[.]/.test(one.textContent)).click()"
        )
        browser.wait("document.querySelector('.canvas .overlay.lines')")
        return Image.open(io.BytesIO(browser.screenshot(folder / "page.png").read_bytes()))


def main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["CXR_AGENT_STATE"] = str(folder / "state")
        with chromium(folder) as browser:
            browser.size(1280, 800)
            picture(folder, browser).convert("RGB").quantize(_COLOURS).save(out, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/serve.png"))
