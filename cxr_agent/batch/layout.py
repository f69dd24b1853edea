"""Where things lie in the folder of a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Final

LEDGER: Final = "batch.sqlite"
LOCK: Final = "batch.lock"
MANIFEST: Final = "manifest.json"
REPORTS: Final = "reports"
TRACES: Final = "traces"
SUFFIXES: Final = (".json", ".html")
"""Of the reports of a study."""
CACHE: Final = "cache"
"""Results of tools, so that what did not change is not computed again."""
MARKER: Final = "shared.token"
"""Written by who keeps the ledger, for workers on other machines to find."""
UNACCEPTED: Final = "unaccepted"
"""Report files that a worker wrote and the ledger has not acknowledged."""
_OF_A_FOLDER: Final = 1000
"""Studies whose files share a folder: file systems and people slow down in larger ones."""


def study_id(number: int) -> str:
    """What reports, traces and tables call a study: nothing of the file's name or the patient."""
    return f"s{number:07d}"


def block(number: int) -> str:
    """The folder that a study's files lie in, under ``reports`` and ``traces``."""
    return f"{number // _OF_A_FOLDER:04d}"


def numbers_of(name: str) -> tuple[int, int]:
    """First and last study of a :func:`block`."""
    first = int(name) * _OF_A_FOLDER
    return first, first + _OF_A_FOLDER - 1


def report_file(folder: Path, number: int, suffix: str) -> Path:
    """A report of a study; ``suffix`` as ``.json``."""
    return folder / REPORTS / block(number) / f"{study_id(number)}{suffix}"


def traces_of(folder: Path, number: int) -> Path:
    """The folder of traces that a study's is in."""
    return folder / TRACES / block(number)
