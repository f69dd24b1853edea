"""What must not wait, and which of two tools counts: ``critical_findings`` and ``conflicts``."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from pydantic import Field

from cxr_agent.knowledge.files import Entry, entry, load

Basis = Literal["reader", "measured", "classified", "suggested"]
"""What a statement on a finding rests on."""


class CriticalFinding(Entry):
    """A finding that must not wait."""

    tier: int = Field(ge=1, le=3)
    """Of the ACR's work group: 1 within minutes, 2 within hours, 3 within days."""
    source: str


class ConflictRule(Entry):
    """Which of two statements counts."""

    code: str
    prefers: Basis
    over: tuple[Basis, ...]
    source: str


class SuggestionRule(Entry):
    """What must agree with a model without calibration before a report states what it says."""

    tools: tuple[str, ...]
    """Whose statements on findings are suggestions."""
    confirmed_by: tuple[Basis, ...]
    """What another tool's finding, present on the same side, must rest on."""
    mark_score: float = Field(gt=0, le=1)
    """Score from which a descriptor of the finding counts as a visible mark."""
    mark_share: float = Field(gt=0, le=1)
    """Share of the mark's box that must lie at the named place."""
    source: str


@lru_cache(maxsize=1)
def critical_findings() -> dict[str, CriticalFinding]:
    """``kb/critical_findings.toml`` by code. Raises ConfigError ``bad_definition``."""
    return {
        code: entry(CriticalFinding, code, raw) for code, raw in load("critical_findings").items()
    }


@lru_cache(maxsize=1)
def conflict_rules() -> tuple[ConflictRule, ...]:
    """``kb/conflicts.toml`` in order of precedence. Raises ConfigError ``bad_definition``."""
    return tuple(entry(ConflictRule, "conflict rule", raw) for raw in load("conflicts")["rule"])


@lru_cache(maxsize=1)
def suggestion_rule() -> SuggestionRule:
    """``[suggestion]`` of ``kb/conflicts.toml``. Raises ConfigError ``bad_definition``."""
    return entry(SuggestionRule, "suggestion", load("conflicts")["suggestion"])
