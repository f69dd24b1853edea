"""What a model without calibration suggests: no finding until what can be checked agrees."""

from __future__ import annotations

from typing import Final

from cxr_agent.evidence import Evidence, EvidenceKind, Polarity
from cxr_agent.knowledge import suggestion_rule
from cxr_agent.report.gates.agreement import sides_of

_FOR: Final = ("suggested", "suggested_with_doubt")
_AGAINST: Final = ("suggested_absent",)


def is_suggested(item: Evidence) -> bool:
    """Whether evidence on a finding is a suggestion: by the tool that it comes from, or as it calls
    itself."""
    by_tool = item.provenance.tool in suggestion_rule().tools
    calls_itself = (item.category or "").startswith(_FOR[0])
    return item.kind is EvidenceKind.FINDING and (by_tool or calls_itself)


def leans_to(item: Evidence) -> Polarity | None:
    """What a finding, or a suggestion of one, speaks for; a suggestion says so by its category."""
    if not is_suggested(item):
        return item.polarity
    if item.category in _FOR:
        return Polarity.PRESENT
    return Polarity.ABSENT if item.category in _AGAINST else Polarity.UNCERTAIN


def sides_meet(one: Evidence, other: Evidence) -> bool:
    """Whether both can be about the same side: what names none is about either."""
    first, second = sides_of(one), sides_of(other)
    return not first or not second or bool(first & second)
