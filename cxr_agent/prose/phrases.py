"""Phrases of the lexicon in a text as it stands: every offset is one of that text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_GAP: Final = r"(?:[\s-]+(?!and\b|or\b|but\b)[\w'/-]+){0,4}?[\s-]+"
"""Up to four words, not beyond a comma or into the next item of a list."""
_BETWEEN: Final = r"[\s-]+"
_BEGIN: Final = r"(?<!\w)(?:"
_END: Final = r")(?:s|es)?(?!\w)"
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_WORD: Final = re.compile(r"\w+")


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
    return frozenset(_LETTERS.findall(text.lower()))


class Beginnings:
    """Which of many sets of phrases a text may hold: those of which a first word is there.

    That is one in fifty, so that few patterns are tried.

    Parameters
    ----------
    phrases
        Sets of phrases, which are known by their places.
    """

    def __init__(self, phrases: Iterable[Iterable[str]]) -> None:
        places: dict[str, set[int]] = {}
        for place, many in enumerate(phrases):
            for phrase in many:
                places.setdefault(_first_word(phrase), set()).add(place)
        self._places: Final = places
        self._words: Final = frozenset(places)
        self._always: Final = frozenset(places.get("", ()))

    def places(self, text: str) -> list[int]:
        """The places of the sets that a text may hold a phrase of, in order."""
        begun = self._words & _words(text)
        return sorted(self._always.union(*map(self._places.__getitem__, begun)))


class Table:
    """Phrases by code, ready to be looked for; made by :func:`table_of`."""

    def __init__(self, phrases: Phrases) -> None:
        self.phrases: Final = phrases
        self._patterns: Final = tuple(
            (code, re.compile(_BEGIN + "|".join(map(_pattern, ordered)) + _END))
            for code, many in phrases
            if (ordered := sorted(many, key=len, reverse=True))
        )
        self._beginnings: Final = Beginnings(many for _, many in phrases if many)

    def found(self, text: str) -> list[Mention]:
        """Every phrase in a lower-case text, code by code."""
        return [
            Mention(code, match.start(), match.end())
            for code, pattern in map(self._patterns.__getitem__, self._beginnings.places(text))
            for match in pattern.finditer(text)
        ]


Phrases = tuple[tuple[str, tuple[str, ...]], ...]
"""Code to phrases, hashable."""


@lru_cache(maxsize=256)
def table_of(phrases: Phrases) -> Table:
    """What to look for."""
    return Table(phrases)


def mentions(text: str, table: Table) -> list[Mention]:
    """Every phrase in a lower-case text, in its order; of two that overlap the longer one."""
    found = table.found(text)
    if len(found) < 2:
        return found
    kept: list[Mention] = []
    for one in sorted(found, key=lambda m: (m.start - m.end, m.start)):
        if not any(one.overlaps(other) and not _same(one, other) for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda m: (m.start, m.end))


def _same(one: Mention, other: Mention) -> bool:
    """One phrase may name two things at once: hydropneumothorax."""
    return (one.start, one.end) == (other.start, other.end) and one.code != other.code


@lru_cache(maxsize=64)
def _words(text: str) -> frozenset[str]:
    """The words of a text, also without the ending that a phrase may have in it."""
    words = frozenset(_WORD.findall(text))
    return words.union(
        *({word.removesuffix("s"), word.removesuffix("es")} for word in words if word[-1] == "s")
    )


def _first_word(phrase: str) -> str:
    found = _WORD.search(phrase)
    return found.group() if found else ""


def _pattern(phrase: str) -> str:
    parts = [part.split() for part in phrase.replace("-", " ").split("~")]
    return _GAP.join(_BETWEEN.join(map(re.escape, words)) for words in parts)
