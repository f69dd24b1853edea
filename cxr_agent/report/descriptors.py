"""A finding opened into its radiographic descriptors."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_agent.evidence import Evidence, EvidenceKind, Side
from cxr_agent.measure.signs import combined, without_top
from cxr_agent.report.model import Report


@dataclass(frozen=True, slots=True)
class Explanation:
    """The descriptors that speak for one finding on one film."""

    rows: tuple[Evidence, ...]
    """The most marked first."""
    combined: float
    """Of those on the side that has more of them, in [0, 1]; see docs/descriptors.md."""
    side: Side | None
    """That side, where sides have descriptors of their own."""
    without_top: float | None
    """What they come to without the most marked one."""


def opened(report: Report, finding: Evidence) -> Explanation | None:
    """The descriptors of a finding; None where none were scored on its film."""
    if finding.kind is not EvidenceKind.FINDING:
        return None
    rows = [
        item
        for item in report.evidence
        if item.kind is EvidenceKind.DESCRIPTOR
        and item.category == finding.code
        and item.image == finding.image
    ]
    if not rows:
        return None
    sides = sorted({item.side for item in rows}, key=str)
    if finding.side in sides:
        sides = [finding.side]  # the side that the finding is on is the one to be explained
    scores = {side: [_score(r) for r in rows if r.side in (side, None)] for side in sides}
    side = max(scores, key=lambda one: combined(scores[one]))
    return Explanation(
        rows=tuple(sorted(rows, key=lambda item: -_score(item))),
        combined=combined(scores[side]),
        side=side,
        without_top=without_top(scores[side]),
    )


def _score(item: Evidence) -> float:
    assert item.value is not None
    return item.value
