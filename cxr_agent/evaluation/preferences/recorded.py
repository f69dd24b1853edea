"""The draft, the report and the evidence of a run, as its trace holds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from cxr_agent.errors import TraceError
from cxr_agent.evidence import Evidence
from cxr_agent.report.model import Report, Sentence
from cxr_agent.trace import GateVerdict, ReportDrafted, Trace

SECTIONS = ("answer", "comparison", "findings", "impression")
"""Those that say something of the patient."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run that ended with a report."""

    run_id: str
    films: tuple[str, ...]
    """Hashes of the current films' pixels: runs on the same films can be held together."""
    draft: tuple[tuple[str, Sentence], ...]
    """Section and sentence, before the gates."""
    verdicts: tuple[GateVerdict, ...]
    report: Report

    @property
    def evidence(self) -> dict[str, Evidence]:
        return {item.id: item for item in self.report.evidence}


def recorded(trace: Trace) -> Recorded | None:
    """What a run left; None where it gave no report.

    Raises
    ------
    TraceError
        ``trace_damaged`` where its report or draft is none, and as
        :meth:`cxr_agent.trace.Trace.artifact`.
    """
    finished = trace.finished
    if finished is None or finished.report_sha256 is None:
        return None
    drafted: ReportDrafted | None = None
    verdicts: list[GateVerdict] = []
    for event in trace:
        if isinstance(event, ReportDrafted):  # the last draft is the one that was reported
            drafted, verdicts = event, []
        elif isinstance(event, GateVerdict):
            verdicts.append(event)
    if drafted is None:
        return None
    try:
        report = Report.model_validate_json(trace.artifact(finished.report_sha256))
        draft = tuple(_drafted(drafted))
    except (ValidationError, KeyError, TypeError):
        raise TraceError(
            "trace_damaged", f"the report of the run {trace.run_id[:60]} cannot be read"
        ) from None
    return Recorded(trace.run_id, _films(report), draft, tuple(verdicts), report)


def _drafted(event: ReportDrafted) -> Iterator[tuple[str, Sentence]]:
    for item in event.sentences:
        fields = {name: value for name, value in item.items() if name != "section"}
        yield str(item["section"]), Sentence.model_validate(fields)


def _films(report: Report) -> tuple[str, ...]:
    current = {item.image: item.provenance.image_sha256 for item in report.evidence}
    return tuple(sorted(sha for handle, sha in current.items() if handle.startswith("img-")))


def text_of(sentences: Sequence[Sentence]) -> str:
    """Sentences as one text, each once."""
    return " ".join(dict.fromkeys(one.text for one in sentences))


def sentences_of(report: Report) -> list[Sentence]:
    """Those that say something of the patient, in the order of the report."""
    return [one for section in SECTIONS for one in getattr(report, section)]
