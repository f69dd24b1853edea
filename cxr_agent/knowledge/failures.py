"""What the code of a refused or failed study means: ``failures``."""

from __future__ import annotations

from functools import lru_cache

from cxr_agent.knowledge.files import Entry, entry, load


class FailureMeaning(Entry):
    """A code in plain words."""

    meaning: str
    next: str
    """What to do about it."""


@lru_cache(maxsize=1)
def failure_meanings() -> dict[str, FailureMeaning]:
    """``kb/failures.toml`` by code. Raises ConfigError ``bad_definition``."""
    return {code: entry(FailureMeaning, code, raw) for code, raw in load("failures").items()}
