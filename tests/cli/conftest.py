"""Fixtures of the tests that run the program: one run serves many of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .program import GOOD, Films, Ran, run_program, write_films


@dataclass(frozen=True)
class Reading:
    """One run of the program, where it wrote, and which folder of traces it had."""

    ran: Ran
    traces: Path
    html: Path

    @property
    def trace_folders(self) -> list[Path]:
        return sorted(self.traces.iterdir()) if self.traces.exists() else []


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return write_films(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="session")
def text_run(films: Films, tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """The DICOM film as text and HTML, with an indication that tries to be markup."""
    folder = tmp_path_factory.mktemp("text")
    ran = run_program(
        "read",
        films["chest.dcm"],
        "--indication",
        "<script>alert(1)</script> cough & fever\x1b[31m",
        "--html",
        folder / "report.html",
        traces=folder / "traces",
    )
    return Reading(ran, folder / "traces", folder / "report.html")


@pytest.fixture(scope="session")
def list_run(films: Films, tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """Good and bad files in one process, as JSON, with HTML in a folder."""
    folder = tmp_path_factory.mktemp("list")
    names = (GOOD[0], "missing.png", *GOOD[1:], "hand.png", "wide.png", "ct.dcm", "other/grey8.jpg")
    ran = run_program(
        "read",
        *(films[name] for name in names),
        "--json",
        "--html",
        folder / "html",
        traces=folder / "traces",
    )
    return Reading(ran, folder / "traces", folder / "html")


@pytest.fixture(scope="session")
def reports(list_run: Reading) -> dict[str, dict[str, Any]]:
    """Entries of the list by file name."""
    return {Path(entry["file"]).name: entry for entry in list_run.ran.json}
