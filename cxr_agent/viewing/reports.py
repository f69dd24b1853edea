"""The sentences of a report that a trace keeps as a file."""

from __future__ import annotations

import json
from typing import Any, Final

SECTIONS: Final = (
    "answer",
    "technique",
    "comparison",
    "findings",
    "impression",
    "context",
    "limitations",
)
_FIELDS: Final = ("text", "evidence", "heading", "tier", "reason")


def read_report(data: bytes) -> dict[str, Any] | None:
    """Sentences by section, and what was kept back; None where it is no report.

    A report of another version is read as far as its shape is known: a trace stays readable
    when the report class grows.
    """
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict):
        return None
    sections = [(name, _sentences(raw.get(name))) for name in SECTIONS]
    return {
        "status": raw.get("status") if isinstance(raw.get("status"), str) else None,
        "sections": [{"name": name, "sentences": found} for name, found in sections if found],
        "dropped": _sentences(raw.get("dropped")),
    }


def _sentences(raw: object) -> list[dict[str, Any]]:
    if not isinstance(raw, list):
        return []
    return [
        {name: item[name] for name in _FIELDS if name in item}
        for item in raw
        if isinstance(item, dict) and isinstance(item.get("text"), str)
    ]
