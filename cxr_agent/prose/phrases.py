"""Phrases of the lexicon in a text as it stands: every offset is one of that text."""

from __future__ import annotations

import re
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


class Table:
    """Phrases by code, ready to be looked for; made by :func:`table_of`.

    A phrase begins with a word.
    """

    def __init__(self, phrases: Phrases) -> None:
        self.phrases: Final = phrases
        self._patterns: Final = tuple(
            (code, re.compile(_BEGIN + "|".join(map(_pattern, ordered)) + _END))
            for code, many in phrases
            if (ordered := sorted(many, key=len, reverse=True))
        )
        places: dict[str, set[int]] = {}
        for place, many in enumerate(many for _, many in phrases if many):
            for phrase in many:
                places.setdefault(_first_word(phrase), set()).add(place)
        self._places: Final = places
        self._first_words: Final = frozenset(places)

    def found(self, text: str) -> list[Mention]:
        """Every phrase in a lower-case text, code by code.

        A pattern is tried only where the first word of one of its phrases stands: one in fifty is
        tried at all, and that one at a place or two.
        """
        words = _words(text)
        starts: dict[int, list[int]] = {}
        for word in self._first_words & words.keys():
            for place in self._places[word]:
                starts.setdefault(place, []).extend(words[word])
        found: list[Mention] = []
        for place in sorted(starts):
            code, pattern = self._patterns[place]
            end = 0
            for start in sorted(starts[place]):
                if start >= end and (match := pattern.match(text, start)):
                    end = match.end()
                    found.append(Mention(code, start, end))
        return found


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
def _words(text: str) -> dict[str, list[int]]:
    """Where the words of a text begin, also without the ending that a phrase may have in it."""
    starts: dict[str, list[int]] = {}
    for match in _WORD.finditer(text):
        word = match.group()
        starts.setdefault(word, []).append(match.start())
        for ending in ("s", "es") if word[-1] == "s" else ():
            if word.endswith(ending):
                starts.setdefault(word.removesuffix(ending), []).append(match.start())
    return starts


def _first_word(phrase: str) -> str:
    """Raises ValueError where a phrase does not begin with a word."""
    found = _WORD.match(phrase)
    if found is None:
        raise ValueError(f"the phrase {phrase!r} does not begin with a word")
    return found.group()


def _pattern(phrase: str) -> str:
    parts = [part.split() for part in phrase.replace("-", " ").split("~")]
    return _GAP.join(_BETWEEN.join(map(re.escape, words)) for words in parts)
