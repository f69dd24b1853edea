"""Hostile files beside one another: each is a study, refused or counted, and nothing raises."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from cxr_agent.batch.listing import studies_of
from cxr_agent.batch.listing.naming import safe
from tests.builders import SHARED

from .conftest import Told

pytestmark = pytest.mark.shared

OVER = {"not_an_image", "unsupported_modality", "non_image_object", "not_chest", "dicomdir"}
"""What is passed over where it was only come across."""


def test_all_of_them(bad_input: Path) -> None:
    with studies_of(bad_input) as listing:
        told = Told(listing)
    read = {Path(film) for study in told.studies.values() for film in study.films}
    with (SHARED / "badinput" / "expected.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    left: Counter[str] = Counter()
    for row in rows:
        name, codes = row["file"], set(row["code"].split("|"))
        if bad_input / name in read or Path(name).name.startswith("."):
            continue
        assert row["verdict"] == "refuse", name
        if safe(name) in told.refused:
            assert told.refused[safe(name)] in codes
        elif (bad_input / name).is_file():
            assert codes & OVER, name
            left[(codes & OVER).pop()] += 1
    assert all(told.summary.passed[code] >= count for code, count in left.items())
    assert len(told.refused) > 10
