"""Phrases of the lexicon in a text as it stands: every offset is one of that text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_GAP: Final = r"(?:[\s-]+(?!and\b|or\b|but\b)[\w'/-]+){0,4}?[\s-]+"
"""Up to four words, not beyond a comma or into the next item of a list."""
_BETWEEN: Final = r"[\s-]+"


@dataclass(frozen=True, slots=True)
class Mention:
    """A phrase in a text."""

    code: str
    start: int
    end: int

    def within(self, start: int, end: int) -> bool:
        """Whether it lies between two offsets."""
        return start <= self.start and self.end <= end

    def overlaps(self, other: Mention) -> bool:
        return self.start < other.end and other.start < self.end


def words_of(text: str) -> frozenset[str]:
    """All words of a text in lower case; ``postero-anterior`` is two."""
    return frozenset(re.findall(r"[^\W\d_]+", text.lower()))


Table = tuple[tuple[str, tuple[str, ...]], ...]
"""Code to phrases, hashable."""


def table_of(phrases: Mapping[str, Iterable[str]]) -> Table:
    """A mapping as a table that can be looked for."""
    return tuple((code, tuple(many)) for code, many in phrases.items())


def mentions(text: str, table: Table) -> list[Mention]:
    """Every phrase in a lower-case text, in its order; of two that overlap the longer one."""
    found = [
        Mention(code, match.start(), match.end())
        for code, pattern in _patterns(table)
        for match in pattern.finditer(text)
    ]
    kept: list[Mention] = []
    for one in sorted(found, key=lambda m: (m.start - m.end, m.start)):
        if not any(one.overlaps(other) and not _same(one, other) for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda m: (m.start, m.end))


def _same(one: Mention, other: Mention) -> bool:
    """One phrase may name two things at once: hydropneumothorax."""
    return (one.start, one.end) == (other.start, other.end) and one.code != other.code


@lru_cache(maxsize=64)
def _patterns(table: Table) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (code, re.compile(r"(?<!\w)(?:" + "|".join(map(_pattern, ordered)) + r")(?:s|es)?(?!\w)"))
        for code, phrases in table
        if (ordered := sorted(phrases, key=len, reverse=True))
    )


def _pattern(phrase: str) -> str:
    parts = [part.split() for part in phrase.replace("-", " ").split("~")]
    return _GAP.join(_BETWEEN.join(map(re.escape, words)) for words in parts)
