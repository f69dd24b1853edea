"""Hostile files beside one another: each is a study, refused or counted, and nothing raises."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cxr_agent.batch.listing import studies_of
from tests.builders import SHARED

from .conftest import Told

pytestmark = pytest.mark.shared

LINKS = {"not_a_regular_file", "duplicate_film", "folder_link", "link_outside"}


def test_all_of_them(bad_input: Path) -> None:
    with studies_of(bad_input) as listing:
        told = Told(listing)
    read = {Path(film) for study in told.studies.values() for film in study.films}
    with (SHARED / "badinput" / "expected.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    passed = told.summary.passed
    for row in rows:
        path = bad_input / row["file"]
        if path in read or row["verdict"] != "refuse":
            continue
        codes = {*row["code"].split("|"), "not_an_image"}
        assert told.refused.get(row["file"]) in codes or codes & set(passed) or LINKS & set(passed)
    good = {bad_input / row["file"] for row in rows if row["verdict"] != "refuse"}
    left = good - read
    refused = {bad_input / name for name in told.refused}
    assert not {path for path in left & refused if path in good and path.is_file()} - {
        bad_input / name for name, code in told.refused.items() if code == "conflicting_study"
    }
    assert told.summary.seen >= len(told.names)
