"""The sentences of a run: those of its last report, numbered, and those told in answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cxr_agent.errors import TraceError
from cxr_agent.trace.events import (
    Answered,
    GateVerdict,
    ReportDrafted,
    ReportIssued,
    RunFinished,
)

if TYPE_CHECKING:
    from cxr_agent.trace.reader import Trace

_SECTIONS: Final = (
    "answer", "technique", "comparison", "findings", "impression", "context", "limitations",
)  # fmt: skip
"""In the order of a report; its record may be sorted by name."""
ANSWER: Final = 0
"""Number of a sentence that stands in an answer, not in the report."""


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence and the ids of its evidence."""

    number: int
    """Place in the report, from 1; 0 for one of an answer."""
    section: str
    text: str
    evidence: tuple[str, ...]


def said_in(trace: Trace) -> tuple[Said, ...]:
    """Sentences of the last report that was given out, or else of the last draft."""
    found = list(_issued(trace) or _drafted(trace))
    return tuple(
        Said(number, section, text, evidence)
        for number, (section, text, evidence) in enumerate(found, 1)
    )


def answered_in(trace: Trace) -> tuple[Said, ...]:
    """Sentences that readers were told when they asked."""
    return tuple(
        Said(ANSWER, f"answer {event.turn}", text, evidence)
        for event in trace.events
        if isinstance(event, Answered)
        for _, text, evidence in _sentences("", event.sentences)
    )


_Parts = tuple[str, str, tuple[str, ...]]


def _issued(trace: Trace) -> list[_Parts]:
    for event in reversed(trace.events):
        match event:
            case ReportIssued(report_sha256=sha256) | RunFinished(report_sha256=str() as sha256):
                try:
                    report = json.loads(trace.artifact(sha256))
                except (TraceError, ValueError, RecursionError):
                    return []  # the draft in the events is as good as it gets
                if not isinstance(report, dict):
                    return []
                return [
                    sentence
                    for section in _SECTIONS
                    if isinstance(items := report.get(section), list)
                    for sentence in _sentences(section, items)
                ]
            case _:
                continue
    return []


def _drafted(trace: Trace) -> list[_Parts]:
    """What the last draft says, less what the gates then dropped."""
    drafted: list[_Parts] = []
    for event in trace.events:
        match event:
            case ReportDrafted():
                drafted = list(_sentences("", event.sentences))
            case GateVerdict(action="dropped"):
                drafted = [one for one in drafted if one[1] != event.sentence]
            case _:
                continue
    return drafted


def _sentences(section: str, items: Iterable[object]) -> Iterator[_Parts]:
    for item in items:
        if not isinstance(item, Mapping):
            continue
        text, evidence = item.get("text"), item.get("evidence")
        if isinstance(text, str) and isinstance(evidence, list):
            cited = tuple(one for one in evidence if isinstance(one, str))
            yield section or str(item.get("section") or ""), text, cited
