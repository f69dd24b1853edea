"""Looking for phrases in a text: normalised, longest first, small misspellings mended."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cxr_agent.knowledge import follows_words, question_lexicon

MOST_CHARACTERS: Final = 2_000
"""Of a question; what comes after is not read."""
_GAP: Final = r"(?: \w+){0,4}? "
_SHORTEST_MENDED: Final = 5
_ALIKE: Final = 0.84
_SHORTEST_PLURAL: Final = 3


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase in a text."""

    code: str
    start: int
    end: int


def normalised(text: str) -> str:
    """Lower case, letters and digits alone, one space between words.

    Misspellings are mended, plurals made singular, and words dropped that tell nothing.
    """
    plain = unicodedata.normalize("NFKD", text[:MOST_CHARACTERS].lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = _joined(_mended(word) for word in re.findall(r"[a-z0-9]+", plain))
    return _coordinated().sub(r"\1 \4 \5 \2 \3 \4 \5", words)


@lru_cache(maxsize=1)
def _coordinated() -> re.Pattern[str]:
    """Two adjectives that share a noun, and the word that is said of it."""
    nouns = "|".join(question_lexicon().shared)
    return re.compile(rf"\b(\w+) (and|or) (\w+) ({nouns}) (\w+)")


def _joined(words: Iterable[str]) -> str:
    silent = question_lexicon().silent
    return " ".join(_singular(word) for word in words if word not in silent)


def _singular(word: str) -> str:
    plural = len(word) > _SHORTEST_PLURAL and word.endswith("s")
    return word[:-1] if plural and not word.endswith(("ss", "us", "is")) else word


def find(text: str, phrases: Mapping[str, tuple[str, ...]]) -> list[Found]:
    """Phrases in a normalised text, in its order; where two overlap the longer one is kept."""
    patterns = _patterns(tuple(phrases.items()))
    hits = [
        Found(code, match.start(), match.end())
        for code, pattern in patterns
        for match in pattern.finditer(text)
    ]
    kept: list[Found] = []
    for hit in sorted(hits, key=lambda one: (one.start - one.end, one.start)):
        if all(hit.end <= other.start or hit.start >= other.end for other in kept):
            kept.append(hit)
    return sorted(kept, key=lambda one: one.start)


def has(text: str, phrases: Iterable[str]) -> bool:
    """Whether any of the phrases is in a normalised text."""
    return bool(find(text, {"": tuple(phrases)}))


@lru_cache(maxsize=32)
def _patterns(
    phrases: tuple[tuple[str, tuple[str, ...]], ...],
) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (code, re.compile(r"(?<!\w)(?:" + "|".join(map(_pattern, _longest(names))) + r")(?!\w)"))
        for code, names in phrases
        if names
    )


def _longest(names: Iterable[str]) -> list[str]:
    return sorted(names, key=len, reverse=True)


def _pattern(phrase: str) -> str:
    return _GAP.join(re.escape(_joined(part.split())) for part in phrase.split("~"))


@follows_words
@lru_cache(maxsize=4096)
def _mended(word: str) -> str:
    """The word, or the one of the lexicon that it must be a slip of."""
    if len(word) < _SHORTEST_MENDED or not word.isalpha() or word in _words():
        return word
    near = difflib.get_close_matches(word, _words(), 1, _ALIKE)
    if near and near[0][0] == word[0]:
        return near[0]
    turned = (other for other in _words() if sorted(other) == sorted(word))
    return next(turned, word)  # two letters that changed places


@follows_words
@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    """Words of the lexicon, and others that are no slip of one."""
    lexicon = question_lexicon()
    groups = [
        *lexicon.phrases.values(),
        *lexicon.other_findings.values(),
        *(one.cues for one in lexicon.intent),
    ]
    words = (word for names in groups for name in names for word in name.split())
    return frozenset((*(w for w in words if len(w) >= _SHORTEST_MENDED), *lexicon.ordinary))
