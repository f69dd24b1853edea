"""What a chest film is looked at for: ``kb/coverage.toml``."""

from __future__ import annotations

from functools import lru_cache

from cxr_agent.knowledge.files import Entry, entry, load


class Covered(Entry):
    """One part of a systematic reading."""

    heading: str
    """The header of the report that it stands under."""
    tools: tuple[str, ...]
    """Any of them looks at it."""


@lru_cache(maxsize=1)
def coverage() -> dict[str, Covered]:
    """The parts by code, in the order of a report. Raises ConfigError ``bad_definition``."""
    return {code: entry(Covered, code, raw) for code, raw in load("coverage").items()}
