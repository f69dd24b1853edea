"""A question as the program takes it: an intent and codes, nothing of the words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cxr_agent.evidence import Side


class Intent(StrEnum):
    """What is wanted."""

    PRESENCE = "presence"
    """Whether something is there."""
    SIZE = "size"
    """A measured value."""
    COMPARE = "compare"
    """Against a prior film."""
    WHY = "why"
    """What a statement rests on."""
    SHOW = "show"
    """Where it is on the film."""
    SIMILAR = "similar"
    """Other films like this one."""
    SUMMARY = "summary"
    """Everything that matters."""
    QUALITY = "quality"
    """How the film was taken."""
    UNKNOWN = "unknown"
    """Nothing that was understood."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked."""

    intent: Intent
    subjects: tuple[str, ...] = ()
    """Codes of findings, measurements and qualities, structures, evidence ids (``e12``) and step
    tags (``s4``), in the order in which they were named."""
    side: Side | None = None
    elsewhere: tuple[str, ...] = ()
    """Codes of findings that the program knows by name alone: ``other_findings`` of
    ``kb/questions.toml``."""
