"""What a run recorded, as far as objects made of it need it: its report, and when it was given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from cxr_agent.errors import TraceError
from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.report.model import FilmSummary, Report
from cxr_agent.trace import ReportIssued, RunFinished, Trace, read_trace, verify

READER: Final = "reader"
"""The tool of what a reader put right (:mod:`cxr_agent.chat`): no algorithm made it."""
_CONTEXT: Final = frozenset({EvidenceKind.NEIGHBOUR, EvidenceKind.TEXT})
"""Of other patients, or other people's words: nothing rests on it, and it goes to no archive."""


@dataclass(frozen=True)
class RecordedReport:
    """The last report of a run."""

    trace: Trace
    report: Report
    sha256: str
    """Of the report's record: a run that was put right has another one."""
    at: datetime
    """When it was given out, aware."""

    @cached_property
    def cited(self) -> tuple[Evidence, ...]:
        """The evidence that the sentences rest on, and what that was concluded from, in order."""
        known = {one.id: one for one in self.report.evidence}
        wanted = [name for sentence in self.report.sentences() for name in sentence.evidence]
        found: set[str] = set()
        while wanted:
            name = wanted.pop()
            if name in known and name not in found:
                found.add(name)
                wanted += known[name].basis
        return tuple(
            one for one in self.report.evidence if one.id in found and one.kind not in _CONTEXT
        )

    def time_point(self, handle: str) -> str | None:
        """Which of several films it is, and how much older a prior is; None for the only one."""
        if len(self.report.films) == 1:
            return None
        film = self.film(handle)
        days = "" if film.days_before is None else f", {film.days_before} days before"
        return f"{film.handle}{days}"

    def film(self, handle: str) -> FilmSummary:
        """What is recorded of a film; raises :class:`KeyError`."""
        for film in self.report.films:
            if film.handle == handle:
                return film
        raise KeyError(handle)

    @property
    def currents(self) -> tuple[FilmSummary, ...]:
        return tuple(film for film in self.report.films if not film.handle.startswith("prior-"))


def recorded_report(run: Path) -> RecordedReport:
    """The last report that a run gave out.

    Parameters
    ----------
    run
        Folder of its trace.

    Raises
    ------
    TraceError
        ``trace_damaged`` for a run that is not as it was written, ``no_report``,
        ``report_not_readable``, and what :func:`cxr_agent.trace.read_trace` raises.
    """
    trace = read_trace(run)
    if not trace.lines or not verify(trace).intact:
        raise TraceError(
            "trace_damaged",
            "the run is not as it was written, so nothing is made of it",
            hint="see `trace verify`",
        )
    for sha256, at in _given(trace):
        try:
            report = Report.model_validate_json(trace.artifact(sha256))
        except ValidationError:
            raise TraceError(
                "report_not_readable",
                "the report of the run is not one that this program reads",
                hint="read the film again",
            ) from None
        return RecordedReport(trace, report, sha256, at)
    raise TraceError(
        "no_report",
        "the run gave out no report: it was refused, or cut off",
        hint="see `trace show`",
    )


def _given(trace: Trace) -> Iterator[tuple[str, datetime]]:
    """Reports with their times, the last one first."""
    for line in reversed(trace.lines):
        event = line.event
        if isinstance(event, ReportIssued | RunFinished) and event.report_sha256 is not None:
            yield event.report_sha256, line.at
