"""What guidelines and the classic papers say, in our words: ``kb/guidelines.toml``."""

from __future__ import annotations

from functools import lru_cache

from pydantic import Field

from cxr_agent.knowledge.files import Entry, entry, load


class Guideline(Entry):
    """One statement."""

    text: str = Field(min_length=1)
    source: str = Field(min_length=1)
    """Paper or standard, and the section where it has some."""


@lru_cache(maxsize=1)
def guidelines() -> dict[str, Guideline]:
    """All statements by name, in the order of the file. Raises ConfigError ``bad_definition``."""
    return {name: entry(Guideline, name, raw) for name, raw in load("guidelines").items()}
