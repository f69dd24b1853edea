"""The sections of a free text, by their titles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from cxr_agent.knowledge import report_lexicon
from cxr_agent.prose.sentences import Span


@dataclass(frozen=True, slots=True)
class Passage:
    """One section of a text."""

    section: str
    """``exam``, ``history``, ``technique``, ``comparison``, ``findings``, ``impression``,
    ``limitations``, or ``unlabelled`` for what stands before the first title."""
    title: Span
    """Of the title with its colon; empty where there is none."""
    body: Span


def passages_of(text: str) -> list[Passage]:
    """The text cut at its titles; every character is in one title or one body."""
    titles = list(_titles().finditer(text))
    starts = [(match.start(1), match.end(1), _section_of(match.group(2))) for match in titles]
    passages: list[Passage] = []
    first = starts[0][0] if starts else len(text)
    if text[:first].strip():
        passages.append(Passage("unlabelled", Span(0, 0), Span(0, first)))
    for place, (begin, end, section) in enumerate(starts):
        after = starts[place + 1][0] if place + 1 < len(starts) else len(text)
        passages.append(Passage(section, Span(begin, end), Span(end, after)))
    return passages


def _section_of(title: str) -> str:
    return _by_title()[" ".join(title.lower().split())]


@lru_cache(maxsize=1)
def _by_title() -> dict[str, str]:
    return {t: section for section, titles in report_lexicon().section.items() for t in titles}


@lru_cache(maxsize=1)
def _titles() -> re.Pattern[str]:
    """A title begins a line and ends with a colon, or stands on its line in capitals alone."""
    names = sorted(_by_title(), key=len, reverse=True)
    words = "|".join(r"[ \t]+".join(map(re.escape, name.split())) for name in names)
    capitals = "|".join(r"[ \t]+".join(map(re.escape, name.upper().split())) for name in names)
    alone = rf"(?=(?:{capitals})[ \t]*$)|(?=(?i:{words})[ \t]*$)"
    return re.compile(
        rf"^[ \t#*]*((?:(?=(?i:{words})\**[ \t]*:)|{alone})((?i:{words}))\**[ \t]*:?\**)",
        re.MULTILINE,
    )
