"""What a sentence claims, read from its words: numbers, sides, terms, negation, change.

This is a reader of short radiological English, strict rather than clever: a word that may be a
claim counts as one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cxr_agent.knowledge import vocabulary

_HANDLE: Final = re.compile(r"\b(?:img|prior)-\d+\b")
_NUMBER: Final = re.compile(
    r"(?<![\w.])([-+]?\d+(?:[.,]\d+)?)(?:\s*(mm|cm|px|%|°|degrees?|days?|kg|m)(?![A-Za-z]))?"
)
_SPELLED: Final = re.compile(
    r"\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half|twice|double)\b"
)
_SIDE: Final = re.compile(r"\b(right|left|bilateral|bilaterally|both)\b")
_NEGATION: Final = re.compile(
    r"\b(no|not|without|absent|absence|free of|negative for|neither|nor|never|excluded"
    r"|ruled out|resolved|denies|isn't|aren't|clear of)\b"
)
_DOUBT: Final = re.compile(
    r"\b(possible|possibly|probable|probably|likely|may|might|could|borderline|undecided"
    r"|uncertain|equivocal|suspicious|suspected|cannot be excluded|suggest\w*|questionable)\b"
)
_CHANGE: Final = re.compile(
    r"\b(new|newly|increas\w*|decreas\w*|unchanged|stable|improv\w*|wors\w*|larger|smaller"
    r"|progress\w*|regress\w*|resolv\w*|interval change|compared (?:with|to)|since the prior"
    r"|previously|no change|persist\w*|again seen|now)\b"
)
_UNIT: Final = {"day": "d", "days": "d", "degree": "deg", "degrees": "deg", "°": "deg"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written."""

    value: float
    decimals: int
    unit: str
    """``mm``, ``%``, ``d`` ... or empty."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Everything in a sentence that evidence must bear out."""

    numbers: tuple[Number, ...]
    spelled_number: bool
    sides: frozenset[str]
    terms: frozenset[str]
    """Codes of findings and measurements that are named."""
    negated: bool
    doubtful: bool
    change: bool


def read_claims(text: str) -> Claims:
    """Read one sentence."""
    plain = _HANDLE.sub(" ", text).lower()
    return Claims(
        numbers=tuple(_number(match) for match in _NUMBER.finditer(plain)),
        spelled_number=_SPELLED.search(plain) is not None,
        sides=frozenset(match.group(1) for match in _SIDE.finditer(plain)),
        terms=frozenset(
            code for code, pattern in _term_patterns().items() if pattern.search(plain)
        ),
        negated=_NEGATION.search(plain) is not None,
        doubtful=_DOUBT.search(plain) is not None,
        change=_CHANGE.search(plain) is not None,
    )


def _number(match: re.Match[str]) -> Number:
    digits = match.group(1).replace(",", ".")
    unit = match.group(2) or ""
    decimals = len(digits.partition(".")[2])
    return Number(float(digits), decimals, _UNIT.get(unit, unit))


@lru_cache(maxsize=1)
def _term_patterns() -> dict[str, re.Pattern[str]]:
    """A pattern per finding and measurement; regions and quality are no claims of their own."""
    return {
        code: re.compile(r"\b(?:" + "|".join(re.escape(word) for word in term.words) + r")\b")
        for code, term in vocabulary().items()
        if term.kind in ("finding", "measurement") and term.words
    }
