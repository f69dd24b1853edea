"""A name written into the pixels is not shown by what is kept of a reading."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.reading import Agent
from cxr_agent.report.render import to_html
from cxr_agent.testing.drawn_text import Drawn, Writing, draw_writing
from cxr_agent.testing.phantom import draw
from cxr_agent.trace import read_trace

NAME = Writing(text="MEIER^ANNA 19581231", height=24)


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw_writing(draw().pixels, NAME, np.random.default_rng(5))


@pytest.fixture(scope="module")
def film(drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.png"
    Image.fromarray(np.rint(drawn.pixels * 255).astype(np.uint8)).save(path)
    return path


def pictures(run: Path) -> list[np.ndarray]:
    """Every grey picture among the artifacts that shows the film."""
    found = []
    for path in (run / "artifacts").iterdir():
        data = path.read_bytes()
        if data.startswith(b"\x89PNG"):
            plane = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
            if len(np.unique(plane)) > 2:
                found.append(plane)
    return found


@pytest.mark.parametrize(("privacy", "shown"), [("masked", False), ("none", False), ("full", True)])
def test_in_trace_and_page(
    privacy: str, shown: bool, film: Path, drawn: Drawn, tmp_path: Path
) -> None:
    with Agent(traces=tmp_path, model="none", device="cpu", privacy=privacy) as agent:
        report = agent.read(film)
    (run,) = (path for path in tmp_path.iterdir() if (path / "artifacts").is_dir())
    made = [plane for plane in pictures(run) if plane.shape == drawn.ink.shape]
    assert made
    for plane in made:
        # A stroke that is left is no name: what counts as found is 0.9 of the ink.
        seen = (plane[drawn.ink] > 0).mean()
        assert seen > 0.9 if shown else seen < 0.1
    # The page shows the film as the trace has it, and no other copy.
    display = base64.b64encode(read_trace(run).artifact(report.films[0].display)).decode()
    page = to_html(report, read_trace(run).artifact)
    assert page.count("data:image/png;base64,") >= 1
    assert display in page
