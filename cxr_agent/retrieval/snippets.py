"""What is shown of a retrieved report: it is data, and may name people."""

from __future__ import annotations

from typing import Final

from cxr_agent.language.outgoing import masked

_LONGEST: Final = 160


def snippet_of(report: str) -> str:
    """The beginning of a report on one line, with everything but everyday words masked."""
    text = masked(" ".join(report.split())).text
    return text if len(text) <= _LONGEST else text[:_LONGEST].rstrip() + " …"
