"""What evidence states as names with numbers and codes: the same in every object that is made."""

from __future__ import annotations

from cxr_agent.evidence import Evidence, EvidenceKind, Unit
from cxr_agent.interop.objects import codes
from cxr_agent.interop.objects.codes import Concept

Number = tuple[Concept, float, Unit]


def numbers(evidence: Evidence) -> list[Number]:
    """The value, its interval, the probability and the threshold, as far as there are any.

    A measurement's value bears its own name; that of anything else is what was compared with the
    threshold. They are the very numbers of the evidence, not rounded.
    """
    unit = evidence.unit or Unit.RATIO
    found: list[tuple[Concept, float | None, Unit]] = []
    measures = evidence.kind is EvidenceKind.MEASUREMENT
    name = codes.concept_of(evidence.code) if measures else codes.MEASURED
    found.append((name, evidence.value, unit))
    if evidence.interval is not None:
        low, high = evidence.interval
        found += [(codes.LOWER, low, unit), (codes.UPPER, high, unit)]
        found.append((codes.LEVEL, evidence.interval_level, Unit.RATIO))
    found.append((codes.PROBABILITY, evidence.probability, Unit.RATIO))
    found.append((codes.THRESHOLD, evidence.threshold, unit))
    if evidence.kind is EvidenceKind.REGION:
        found.append((codes.AREA, evidence.details.get("area_px"), Unit.PIXEL))
    return [(name, value, unit) for name, value, unit in found if value is not None]


def evaluations(evidence: Evidence) -> list[tuple[Concept, Concept]]:
    """Kind, polarity, severity, category and reasons, as far as there are any."""
    found = [(codes.KIND, codes.private(evidence.kind.value))]
    if evidence.polarity is not None:
        found.append((codes.PRESENCE, codes.POLARITIES[evidence.polarity]))
    if evidence.severity is not None:
        found.append((codes.SEVERITY, codes.SEVERITIES[evidence.severity]))
    if evidence.category is not None:
        found.append((codes.CATEGORY, codes.private(evidence.category)))
    found += [(codes.REASON, codes.reason_concept(reason)) for reason in evidence.reasons]
    return found
