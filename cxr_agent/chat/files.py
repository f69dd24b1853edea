"""Files that a session gives out."""

from __future__ import annotations

from pathlib import Path

from cxr_agent.chat.chat import Chat
from cxr_agent.errors import UsageError
from cxr_agent.output import write_whole
from cxr_agent.report.model import Report
from cxr_agent.report.render import to_html, to_json, to_markdown, to_text
from cxr_agent.trace import read_trace


def write_report(chat: Chat, path: Path) -> None:
    """Write the report, whole or not at all; the ending says in which form.

    Raises
    ------
    UsageError
        ``unknown_ending``.
    OutputError
        ``output_not_writable``.
    """
    write_whole(path, _rendered(chat, chat.report, path.suffix.lower()).encode())


def _rendered(chat: Chat, report: Report, ending: str) -> str:
    match ending:
        case ".html":
            return to_html(report, read_trace(chat.run.trace.directory).artifact)
        case ".md":
            return to_markdown(report)
        case ".json":
            return to_json(report)
        case ".txt":
            return to_text(report)
    raise UsageError(
        "unknown_ending", "the ending of the file says no form", hint=".html, .md, .json or .txt"
    )
