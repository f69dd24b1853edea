"""What can be taken away of a study. A further form is one more entry of :data:`FORMS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_agent.errors import TraceError
from cxr_agent.reading.version import program_version
from cxr_agent.report.model import Report
from cxr_agent.report.render import to_html, to_json, to_markdown
from cxr_agent.trace import ReportIssued, RunFinished, Trace, read_trace
from cxr_agent.trace.share import to_zip, whole


@dataclass(frozen=True, slots=True)
class Form:
    """One form of what is taken away."""

    title: str
    media_type: str
    make: Callable[[Report, Trace], bytes]


def _page(report: Report, trace: Trace) -> bytes:
    return to_html(report, trace.artifact).encode()


FORMS: Final = {
    "report.html": Form("HTML", "text/html", _page),
    "report.md": Form("Markdown", "text/markdown", lambda report, _: to_markdown(report).encode()),
    "report.json": Form("JSON", "application/json", lambda report, _: to_json(report).encode()),
    "trace.zip": Form(
        "Trace",
        "application/zip",
        lambda _, trace: to_zip([whole(trace)], "full", program_version()),
    ),
}
"""By the name of the file."""


def made(name: str, directory: Path, report: Report | None) -> tuple[bytes, str]:
    """A form of a study as it stands, and its media type.

    Parameters
    ----------
    name
        Of :data:`FORMS`.
    report
        Without it, the latest one of the trace.

    Raises
    ------
    TraceError
        ``no_report`` before there is one; as :func:`read_trace`.
    """
    trace = read_trace(directory)
    return FORMS[name].make(report or _latest(trace), trace), FORMS[name].media_type


def _latest(trace: Trace) -> Report:
    kept = [
        event.report_sha256
        for event in trace.events
        if isinstance(event, ReportIssued | RunFinished) and event.report_sha256 is not None
    ]
    if not kept:
        raise TraceError("no_report", "this study has no report yet")
    return Report.model_validate_json(trace.artifact(kept[-1]))
