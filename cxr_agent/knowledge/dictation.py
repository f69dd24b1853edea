"""How films are ordered by word of mouth: ``kb/dictation.toml``."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from cxr_agent.knowledge.files import Entry, entry, load
from cxr_agent.knowledge.questions import Phrases


class DictationLexicon(Entry):
    """Phrases of each part of a request."""

    examination: dict[Literal["chest_radiograph"], Phrases]
    view: dict[Literal["PA", "AP", "LATERAL"], Phrases]
    place: dict[Literal["portable", "department"], Phrases]
    priority: dict[Literal["stat", "urgent", "routine"], Phrases]
    comparison: dict[Literal["wanted"], Phrases]
    reason: dict[Literal["begins"], Phrases]
    ask: dict[Literal["examination", "views", "priority", "indication"], str]
    """What is asked where a part was not said."""


@lru_cache(maxsize=1)
def dictation_lexicon() -> DictationLexicon:
    """Read the file. Raises ConfigError ``bad_definition``."""
    return entry(DictationLexicon, "dictation", load("dictation"))
