"""The report of a run, made again from what it recorded: no film, no tool, no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from cxr_agent.errors import TraceError
from cxr_agent.evidence import Evidence
from cxr_agent.replaying.recorded import draft_of
from cxr_agent.report.draft import Section
from cxr_agent.report.gates.gate import repair
from cxr_agent.report.model import FilmSummary, Report
from cxr_agent.trace import (
    Event,
    EvidenceAdded,
    ReportDrafted,
    ReportIssued,
    RunFinished,
    StudyLoaded,
    Trace,
    Withdrawn,
)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A report beside the one that was recorded."""

    report: Report
    data: bytes
    """As JSON, as a trace keeps it."""
    recorded: bytes

    @property
    def same(self) -> bool:
        """Byte for byte; of a run that kept its names in another order, all that it says."""
        if self.data == self.recorded:
            return True
        return Report.model_validate_json(self.recorded).record() == self.data


def rebuild_report(trace: Trace) -> Rebuilt:
    """Rebuild the last report that the run gave out.

    The sentences are those that were drafted; the gates judge them anew, on the evidence that
    counted then.

    Raises
    ------
    TraceError
        ``no_report`` where the run gave none, ``report_not_readable``; as
        :meth:`cxr_agent.trace.Trace.artifact`.
    """
    given = [
        (place, event)
        for place, event in enumerate(trace.events)
        if isinstance(event, ReportIssued | RunFinished) and event.report_sha256 is not None
    ]
    drafts = [event for event in trace.events if isinstance(event, ReportDrafted)]
    if not given or not drafts or trace.started is None:
        raise TraceError(
            "no_report", f"the run {trace.run_id} gave no report", hint="See `trace show`."
        )
    place, last = given[-1]
    recorded = trace.artifact(str(last.report_sha256))
    try:
        kept = Report.model_validate_json(recorded)
    except ValidationError:
        raise TraceError(
            "report_not_readable",
            f"the report of the run {trace.run_id} is none that this version knows",
            hint="Read it with the version that wrote it: see `trace show`.",
        ) from None
    events = trace.events[: place + 1]
    drafted = [event for event in events if isinstance(event, ReportDrafted)][-1]
    evidence = _counting(events[: events.index(drafted)])
    gated = repair(draft_of(drafted), evidence)
    draft = gated.draft
    report = kept.model_copy(
        update={
            **{section.value: draft.of(section) for section in Section},
            "dropped": gated.dropped,
            "films": tuple(_films(events)),
            "evidence": evidence,
            "status": last.status,
        }
    )
    return Rebuilt(report, report.record(), recorded)


def _counting(events: Sequence[Event]) -> tuple[Evidence, ...]:
    """What counts after these events."""
    gone = {i for event in events if isinstance(event, Withdrawn) for i in event.evidence}
    stated = (Evidence.model_validate(e.evidence) for e in events if isinstance(e, EvidenceAdded))
    return tuple(item for item in stated if item.id not in gone)


def _films(events: Sequence[Event]) -> list[FilmSummary]:
    return [
        FilmSummary(
            handle=record.handle,
            rows=record.rows,
            columns=record.columns,
            view=record.view,
            spacing_mm=(record.spacing.row_mm, record.spacing.column_mm)
            if record.spacing
            else None,
            spacing_kind=record.spacing.kind if record.spacing else None,
            sha256=record.sha256,
            notices=record.notices,
            days_before=record.days_before,
            display=record.display,
        )
        for event in events
        if isinstance(event, StudyLoaded)
        for record in event.images
    ]
