"""How a batch goes on: one live line on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cxr_agent.batch.batch import StudyOutcome
    from cxr_agent.batch.progress import Progress

_LINE_S: Final = 30.0
"""Seconds between two lines where nobody looks at a terminal."""
_LIVE_S: Final = 0.1


class Display:
    """Shows progress on standard error, and each failure once."""

    def __init__(self, progress: Progress, *, quiet: bool) -> None:
        self._progress = progress
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._shown = time.monotonic()

    def update(self, one: StudyOutcome) -> None:
        """A study is settled."""
        if self._quiet:
            return
        if one.outcome != "read":
            from cxr_agent.trace.render import clean

            self._say(f"{one.id} {clean(one.study.name)} {one.outcome}: {one.code}, {one.message}")
        now = time.monotonic()
        if now - self._shown >= (_LIVE_S if self._live else _LINE_S):
            self._shown = now
            self._say_progress()

    def end(self) -> None:
        """Leave the last line as it is."""
        if self._live:
            self._say_progress()
            print(file=sys.stderr)

    def _say(self, line: str) -> None:
        start = "\r\033[K" if self._live else ""
        print(f"{start}{line}", file=sys.stderr)

    def _say_progress(self) -> None:
        line = progress_line(self._progress)
        if self._live:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr)


@contextmanager
def display(progress: Progress, *, quiet: bool) -> Iterator[Display]:
    """Progress while a batch runs.

    Parameters
    ----------
    quiet
        Show nothing: a program reads along.
    """
    shown = Display(progress, quiet=quiet)
    try:
        yield shown
    finally:
        shown.end()


def progress_line(progress: Progress) -> str:
    """``120 of 2,000 read, 2.1 a second, 14:55 left; 3 refused, 1 failed``."""
    parts = [f"{progress.settled:,} of {progress.total:,} studies"]
    if progress.rate:
        parts.append(f"{progress.rate:.2g} a second")
    if progress.remaining_s is not None:
        parts.append(f"{clock(progress.remaining_s)} left")
    faults = [f"{progress.refused} refused"] if progress.refused else []
    faults += [f"{progress.failed} failed"] if progress.failed else []
    faults += [f"{progress.lost} attempts lost"] if progress.lost else []
    return ", ".join(parts) + (f"; {', '.join(faults)}" if faults else "")


def clock(seconds: float) -> str:
    """``h:mm:ss``, or ``m:ss`` below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def listing_line(files: int) -> None:
    """How many files were looked at so far, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K  {files:,} files listed", end="", file=sys.stderr, flush=True)
