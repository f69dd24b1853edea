"""Nothing of who, when or where leaves the reading; hostile text stays text."""

from __future__ import annotations

import base64
import csv
import re
import struct
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import pytest

from cxr_agent.study import Notice
from tests.builders import SHARED

from .conftest import Reading
from .program import Ran, run_program

pytestmark = pytest.mark.shared

TABLE = SHARED / "badinput" / "expected.csv"
FOLDERS = ("phi_canary", "prompt_injection", "hostile_text", "hostile_name", "bad_uid")
TAGS = (
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "StudyDate",
    "InstitutionName",
    "ReferringPhysicianName",
    "StudyDescription",
    "SeriesDescription",
    "ImageComments",
)
HARMLESS = {"CHEST PA"}
PLAIN = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
"""Chunks of a PNG that hold pixels, not words."""
DATA_URI = re.compile(rb"data:image/png;base64,([A-Za-z0-9+/=]+)")
# A number can hold the digits of an evaluated template by chance, inside others.
EVALUATED = re.compile(rb"(?<![0-9a-f.])49049(?![0-9a-f])")


@pytest.fixture(scope="module")
def hostile(bad_input: Path) -> list[Path]:
    return sorted(path for name in FOLDERS for path in (bad_input / name).iterdir())


@pytest.fixture(scope="module")
def hostile_run(hostile: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Reading:
    folder = tmp_path_factory.mktemp("hostile")
    traces, html = folder / "traces", folder / "html"
    ran = run_program("read", *hostile, "--json", "--html", html, traces=traces)
    return Reading(ran, traces, html)


@pytest.fixture(scope="module")
def secrets(hostile: list[Path], bad_input: Path) -> set[bytes]:
    """Canaries, values of identifying tags, names and the folder of the files."""
    words = {"ZZCANARY", "MARTHA", "QXINJECT", "<script>alert", "onerror=", "{{7*7", "__class__"}
    words |= {"555-0142", "1943-07-29", str(bad_input)}
    for path in hostile:
        words.add(path.name)
        if path.suffix == ".dcm":
            words |= set(_values(path))
    return {word.encode() for word in words if len(word) > 5 and word not in HARMLESS}


def _values(path: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = pydicom.dcmread(path, stop_before_pixels=True)
        for tag in TAGS:
            value = str(header.get(tag, ""))
            # Values of the headers are compared as a whole, so a short one is no secret word.
            if len(value) > 7:
                yield value


def test_all_but_the_refused_one_are_read(hostile: list[Path], hostile_run: Reading) -> None:
    entries = {Path(e["file"]).name: e for e in hostile_run.ran.json}
    assert len(entries) == len(hostile)
    assert {name for name, e in entries.items() if "error" in e} == {"refused.dcm"}
    assert entries["refused.dcm"]["error"]["code"] == "no_pixel_data"
    assert hostile_run.ran.status == 3
    assert len(list(hostile_run.html.iterdir())) == len(hostile) - 1
    assert len(hostile_run.trace_folders) == len(hostile) - 1


def test_no_secret_in_any_trace(hostile_run: Reading, secrets: set[bytes]) -> None:
    for path in hostile_run.traces.rglob("*"):
        assert not _found(str(path.relative_to(hostile_run.traces)).encode(), secrets)
        if path.is_file():
            data = path.read_bytes()
            assert not _found(data, secrets), path
            if data.startswith(b"\x89PNG"):
                assert _chunks(data) <= PLAIN


def test_no_secret_in_the_output(hostile_run: Reading, secrets: set[bytes]) -> None:
    for entry in hostile_run.ran.json:
        told = {key: value for key, value in entry.items() if key not in ("file", "trace")}
        assert not _found(repr(told).encode(), secrets), entry["file"]
    # Standard error may name the pages, which are named as the user named the films.
    rest = [line for line in hostile_run.ran.err.splitlines() if not line.startswith("HTML report")]
    assert not _found("\n".join(rest).encode(), secrets)
    assert "Traceback" not in hostile_run.ran.err


def test_no_secret_in_any_page(hostile_run: Reading, secrets: set[bytes]) -> None:
    for page in hostile_run.html.iterdir():
        data = page.read_bytes()
        assert not _found(data, secrets), page
        pictures = [base64.b64decode(found) for found in DATA_URI.findall(data)]
        assert pictures
        for picture in pictures:
            assert _chunks(picture) <= PLAIN


def test_hostile_text_changes_no_word(hostile_run: Reading, bad_input: Path) -> None:
    """A film with hostile text beside the pixels gets the report of its twin without."""
    read = [e for e in hostile_run.ran.json if "error" not in e]
    entries = {str(Path(e["file"]).relative_to(bad_input)): e for e in read}
    with (bad_input / "twins.csv").open(encoding="utf-8", newline="") as file:
        twins = {row["file"]: row for row in csv.DictReader(file)}
    by_twin: dict[str, set[str]] = {}
    for name, entry in entries.items():
        row = twins.get(name)
        if row is not None and row["relation"] == "same":
            words = repr([s["text"] for part in ("findings", "impression") for s in entry[part]])
            by_twin.setdefault(row["twin"], set()).add(words)
    assert by_twin
    assert all(len(reports) == 1 for reports in by_twin.values())


def _found(data: bytes, secrets: set[bytes]) -> list[bytes]:
    lowered = data.lower()
    hits = [word for word in secrets if word.lower() in lowered]
    return hits + EVALUATED.findall(data)


def _chunks(png: bytes) -> set[bytes]:
    """Kinds of the chunks of a PNG: text would stand in one of its own."""
    kinds, at = set(), 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kinds.add(png[at + 4 : at + 8])
        at += 12 + length
    return kinds


@dataclass(frozen=True)
class Everything:
    ran: Ran
    entries: dict[str, dict[str, Any]]
    seconds: float


def _rows() -> list[dict[str, str]]:
    if not TABLE.exists():
        return []
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def everything(bad_input: Path, tmp_path_factory: pytest.TempPathFactory) -> Everything:
    """All hostile files through one process."""
    names = [row["file"] for row in _rows()]
    traces = tmp_path_factory.mktemp("all")
    began = time.monotonic()
    ran = run_program(
        "read", *(bad_input / name for name in names), "--json", traces=traces, timeout=900
    )
    seconds = time.monotonic() - began
    entries = ran.json
    assert len(entries) == len(names)
    return Everything(ran, dict(zip(names, entries, strict=True)), seconds)


@pytest.mark.slow
@pytest.mark.parametrize("row", _rows(), ids=lambda row: row["file"][:60])
def test_verdict(row: dict[str, str], everything: Everything) -> None:
    entry = everything.entries[row["file"]]
    codes = set(row["code"].split("|"))
    if row["verdict"] == "refuse":
        assert entry["error"]["code"] in codes
        assert entry["exit_status"] in (3, 4)
        assert entry["error"]["hint"]
    else:
        assert "error" not in entry, entry
        assert entry["impression"]
        known = {notice.value for notice in Notice} & codes
        if row["verdict"] == "accept_with_warning":
            assert known <= set(entry["films"][0]["notices"])
            remarks = {r for e in entry["evidence"] for r in e["reasons"]}
            assert known <= remarks  # said in the report, not only in the data


@pytest.mark.slow
def test_one_process_reads_them_all(everything: Everything) -> None:
    assert "Traceback" not in everything.ran.err
    first = next(row for row in _rows() if row["verdict"] == "refuse")
    assert everything.ran.status == everything.entries[first["file"]]["exit_status"]
    assert everything.seconds < 600
