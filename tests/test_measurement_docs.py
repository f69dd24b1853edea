"""The page of measurements is what kb/ says, with a picture of each."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from PIL import Image

from cxr_agent.knowledge import measurements

MAKER = Path(__file__).resolve().parents[1] / "docs" / "measurements" / "make.py"


def test_the_page_is_up_to_date_and_shows_every_measurement() -> None:
    spec = importlib.util.spec_from_file_location("make", MAKER)
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    assert make.PAGE.read_text(encoding="utf-8") == make.page()
    for name in measurements():
        with Image.open(make.picture(name)) as picture:
            assert max(picture.size) == 480
