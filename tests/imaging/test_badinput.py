"""Every hostile file gets the verdict that was agreed on, in time and without a leak."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest

from cxr_agent.errors import InputError
from cxr_agent.imaging import Decoder
from cxr_agent.study import Notice
from tests.builders import SHARED

pytestmark = pytest.mark.shared

TABLE = SHARED / "badinput" / "expected.csv"
LATER = {"not_chest/hand.png"}
"""Refused from the pixels, after decoding."""
SECRETS = ("CANARY", "QXINJECT", "PWNED", "MARTHA", "<script", "{{")


def _rows() -> list[dict[str, str]]:
    if not TABLE.exists():
        return []
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row["file"][:60])
def test_verdict(row: dict[str, str], bad_input: Path, decoder: Decoder) -> None:
    codes = row["code"].split("|")
    refused: InputError | None = None
    notices: set[str] = set()
    started = time.monotonic()
    try:
        notices = {str(notice) for notice in decoder.decode(bad_input / row["file"]).notices}
    except InputError as error:
        refused = error
    assert time.monotonic() - started < 10
    if row["verdict"] == "refuse" and row["file"] not in LATER:
        assert refused is not None
        assert refused.code in codes
        told = f"{refused} {refused.hint} {refused.__cause__!r}"
        assert not any(secret.lower() in told.lower() for secret in SECRETS)
    else:
        assert refused is None
        known = {str(notice) for notice in Notice}
        assert {code for code in codes if code in known} <= notices


def test_accepted_films_look_alike(bad_input: Path, decoder: Decoder) -> None:
    """One chest was drawn for all of them: encodings must not change what is seen."""
    reference = decoder.decode(bad_input / "valid/dev_dx12.dcm").pixels
    for row in _rows():
        if row["verdict"] == "refuse":
            continue
        pixels = decoder.decode(bad_input / row["file"]).pixels
        if pixels.shape == reference.shape:
            assert abs(float(pixels.mean()) - float(reference.mean())) < 0.06, row["file"]
            if "burned" not in row["file"]:
                difference = abs(pixels - reference).mean()
                assert difference < 0.06, (row["file"], difference)
