"""What a killed batch leaves behind: files of attempts that the ledger does not know."""

from __future__ import annotations

import shutil
from pathlib import Path

from cxr_agent.batch.layout import TRACES, UNACCEPTED, numbers_of
from cxr_agent.batch.ledger import Ledger


def remove_orphans(ledger: Ledger) -> int:
    """Remove traces that no result rests on, and reports that nobody accepted.

    Only by who holds the ledger, before anything is read: what is being written is an orphan too.

    Returns
    -------
    int
        How many traces were removed.
    """
    folder = ledger.folder
    shutil.rmtree(folder / UNACCEPTED, ignore_errors=True)
    removed = 0
    for one in sorted((folder / TRACES).glob("[0-9][0-9][0-9][0-9]*")):
        known = ledger.runs(*numbers_of(one.name))
        for trace in one.iterdir():
            if trace.is_dir() and not trace.is_symlink() and trace.name not in known:
                remove_trace(trace)
                removed += 1
    return removed


def remove_trace(trace: Path) -> None:
    """Remove the trace of an attempt that was superseded or cut off."""
    shutil.rmtree(trace, ignore_errors=True)
