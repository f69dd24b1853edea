"""Where things lie in the folder of a watch."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

LEDGER: Final = "watch.sqlite"
LOCK: Final = "watch.lock"
TRACES: Final = "traces"
REPORTS: Final = "reports"
OBJECTS: Final = "objects"
RECEIVED: Final = "received"
"""What the own receiver got."""


def object_file(folder: Path, run: str, number: int) -> Path:
    """An object of a run."""
    return folder / OBJECTS / run / f"{number}.dcm"


def report_file(folder: Path, run: str) -> Path:
    return folder / REPORTS / f"{run}.json"


def remove_orphans(folder: Path, known: Collection[str]) -> None:
    """Remove what attempts left that the ledger does not know: they were cut off.

    Only by who holds the ledger, before anything is read.
    """
    for part in (TRACES, OBJECTS):
        for one in (folder / part).glob("*"):
            if one.name not in known and one.is_dir() and not one.is_symlink():
                shutil.rmtree(one, ignore_errors=True)
    for one in (folder / REPORTS).glob("*.json"):
        if one.stem not in known:
            one.unlink(missing_ok=True)
