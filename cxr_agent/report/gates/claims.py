"""What a sentence claims, read from its words: numbers, sides, terms, negation, change.

This is a reader of short radiological English, strict rather than clever: a word that may be a
claim counts as one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cxr_agent.knowledge import Term, follows_words, vocabulary
from cxr_agent.prose import words_of

_HANDLE: Final = re.compile(r"\b(?:img|prior)-\d+\b")
_NUMBER: Final = re.compile(
    r"((?:(?<!\w)[-+])?(?:\d+(?:[.,]\d+)?|[.,]\d+))"
    r"(?:\s*(mm|cm2|cm|km|m|kg|px|pixels?|%|percent|per cent|°|deg|degrees?|hours?|days?|weeks?"
    r"|months?|years?)(?![a-z]))?"
)
_ROLE: Final = re.compile(
    r"\b(?:(limits?|threshold|cut-?off|above|below|under|over|exceed\w*|than)"
    r"|ratio|value|interval|diameter|width|probability|measur\w*)\b|[;:]"
)
_SPELLED: Final = re.compile(
    r"\b(zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred"
    r"|thousand|half|third|quarter|once|twice|thrice|double|triple)\b"
)
_SIDE: Final = re.compile(r"\b(right|left|bilateral|both)(?:ly|wards?|sided)?\b")
_NEGATION: Final = re.compile(
    r"\b(?:no|not|non|without|absent|absence|free of|negative for|neither|nor|none|never"
    r"|excluded|excludes|ruled out|rules out|resolved|denies|lacks?|cannot|unlikely|\w+n['’]t"
    r"|clear of)\b"
)
_DOUBT: Final = re.compile(
    r"\b(?:possible|possibly|probable|probably|likely|unlikely|perhaps|maybe|may|might|could"
    r"|would|seems?|appears?|apparent|apparently|presumed|presumably|borderline|undecided"
    r"|uncertain|equivocal|suspicious|suspected|concern\w*|consider|cannot|suggest\w*"
    r"|questionable)\b|\?"
)
_CHANGE: Final = re.compile(
    r"\b(?:new|newly|increas\w*|decreas\w*|unchanged|stable|improv\w*|wors\w*|larger|smaller"
    r"|bigger|enlarging|grown|grew|reduced|progress\w*|regress\w*|resolv\w*|interval change"
    r"|compared (?:with|to)|since the prior|previous\w*|no change|no longer|persist\w*|remain\w*"
    r"|again|now)\b"
)
_UNITS: Final = {
    "day": "d",
    "days": "d",
    "degree": "deg",
    "degrees": "deg",
    "°": "deg",
    "pixel": "px",
    "pixels": "px",
    "percent": "%",
    "per cent": "%",
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written."""

    value: float
    decimals: int
    unit: str
    """``mm``, ``%``, ``d`` ... or empty."""
    is_limit: bool
    """It is what something is compared with, by the words before it."""
    measurement: str | None = None
    """Code of the measurement that was last named before it."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Everything in a sentence that evidence must bear out."""

    films: frozenset[str]
    """Handles that are named."""
    numbers: tuple[Number, ...]
    spelled: frozenset[str]
    """Numbers in words."""
    sides: frozenset[str]
    terms: frozenset[str]
    """Codes of findings and measurements that are named."""
    quality: frozenset[str]
    """Words that speak of the quality of the film."""
    negations: int
    doubtful: bool
    change: bool
    words: frozenset[str]
    """All words, in lower case."""


@follows_words
@lru_cache(maxsize=1024)
def read_claims(text: str) -> Claims:
    """Read one sentence; those that were read last are remembered."""
    named = text.lower()
    plain = _HANDLE.sub(" ", named)
    return Claims(
        films=frozenset(_HANDLE.findall(named)),
        numbers=tuple(_number(match, plain) for match in _NUMBER.finditer(plain)),
        spelled=frozenset((*_SPELLED.findall(plain), *_odd_numbers(plain))),
        sides=frozenset(match.group(1) for match in _SIDE.finditer(plain)),
        terms=frozenset(
            code
            for code, pattern in _terms("finding", "measurement").near(plain)
            if pattern.search(plain)
        ),
        quality=frozenset(
            word for _, pattern in _terms("quality").near(plain) for word in pattern.findall(plain)
        ),
        negations=len(_NEGATION.findall(plain)),
        doubtful=_DOUBT.search(plain) is not None,
        change=_CHANGE.search(plain) is not None,
        words=words_of(plain),
    )


def without_numbers(text: str) -> str:
    """The sentence with its numbers blotted out."""
    return re.sub(r"\d+(?:[.,]\d+)?", "#", text.lower())


def _number(match: re.Match[str], text: str) -> Number:
    digits = match.group(1).replace(",", ".")
    unit = match.group(2) or ""
    roles = list(_ROLE.finditer(text, 0, match.start()))
    before = text[: match.start()]
    named = {
        found.end(): code
        for code, pattern in _terms("measurement").near(before)
        for found in pattern.finditer(before)
    }
    return Number(
        value=float(digits),
        decimals=len(digits.partition(".")[2]),
        unit=_UNITS.get(unit, unit),
        is_limit=bool(roles) and roles[-1].group(1) is not None,
        measurement=named[max(named)] if named else None,
    )


def _odd_numbers(text: str) -> list[str]:
    """Fraction signs, superscripts and the like, of which ASCII has none."""
    return [] if text.isascii() else [c for c in text if c.isnumeric() and not c.isdecimal()]


class _Terms:
    """Terms of some kinds, each with a pattern of its words."""

    def __init__(self, *kinds: str) -> None:
        terms = [(c, term) for c, term in vocabulary().items() if term.kind in kinds and term.words]
        self._patterns = [(code, _pattern(term)) for code, term in terms]
        self._words = [(word, place) for place, (_, t) in enumerate(terms) for word in t.words]

    def near(self, text: str) -> list[tuple[str, re.Pattern[str]]]:
        """Code and pattern of each term that a text may name, in their order.

        It has the letters of one of its words, which is quicker to see than to search for them
        as words, and true of one term in thirty.
        """
        places = {place for word, place in self._words if word in text}
        return [self._patterns[place] for place in sorted(places)]


@follows_words
@lru_cache(maxsize=4)
def _terms(*kinds: str) -> _Terms:
    """The terms of these kinds; regions are no claims of their own."""
    return _Terms(*kinds)


def _pattern(term: Term) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(re.escape(word) for word in term.words) + r")\b")
