"""What the tables of a batch hold of a study: its evidence, one flat row each.

A row has no name, path, date or identifier of a patient: tables can be passed on, and the list of
studies, which has the files' places, need not be.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from cxr_agent.evidence import Evidence, EvidenceKind


class Table(StrEnum):
    """The tables, by the names of their files."""

    STUDIES = "studies"
    FINDINGS = "findings"
    MEASUREMENTS = "measurements"
    COMPARISONS = "comparisons"
    LIMITATIONS = "limitations"


KIND_OF: Final = {
    Table.FINDINGS: EvidenceKind.FINDING.value,
    Table.MEASUREMENTS: EvidenceKind.MEASUREMENT.value,
    Table.COMPARISONS: EvidenceKind.COMPARISON.value,
    Table.LIMITATIONS: EvidenceKind.LIMITATION.value,
}
"""Evidence of other kinds (outlines, film quality, neighbours) stands in reports and traces."""

EVIDENCE_COLUMNS: Final = {
    "evidence": str, "film": str, "code": str, "location": str, "side": str, "polarity": str,
    "severity": str, "value": float, "unit": str, "interval_low": float, "interval_high": float,
    "interval_level": float, "probability": float, "threshold": float, "category": str,
    "against": str, "days_before": int, "reasons": str, "reading": str, "tool": str,
    "tool_version": str, "model": str, "weights_sha256": str, "image_sha256": str,
}  # fmt: skip
"""Columns of a row and their kinds. ``reasons`` are codes with blanks between; ``days_before`` is
the age of the prior that ``against`` names."""

_PLAIN: Final = (
    "code", "location", "side", "polarity", "severity", "value", "unit", "interval_level",
    "probability", "threshold", "category", "against", "reading",
)  # fmt: skip
_OF_PROVENANCE: Final = ("tool", "tool_version", "model", "weights_sha256", "image_sha256")


def rows_of(
    evidence: Iterable[Evidence], days_before: dict[str, int | None]
) -> tuple[dict[str, Any], ...]:
    """The rows of a report's evidence, without what is None.

    Parameters
    ----------
    days_before
        Age of each prior, by handle.
    """
    kinds = set(KIND_OF.values())
    return tuple(_row(item, days_before) for item in evidence if item.kind.value in kinds)


def _row(item: Evidence, days_before: dict[str, int | None]) -> dict[str, Any]:
    low, high = item.interval or (None, None)
    row: dict[str, Any] = {
        "kind": item.kind.value,
        "evidence": item.id,
        "film": item.image,
        **{name: getattr(item, name) for name in _PLAIN},
        **{name: getattr(item.provenance, name) for name in _OF_PROVENANCE},
        "interval_low": low,
        "interval_high": high,
        "days_before": None if item.against is None else days_before.get(item.against),
        "reasons": " ".join(item.reasons) or None,
    }
    return {name: value for name, value in row.items() if value is not None}
