"""What of a person's own words may go to a language model: words that everybody uses.

Names, paths, numbers of patients, dates and UIDs cannot be told from each other by rule, but they
have one thing in common: they are in no list of everyday and radiological words. So what is not
in that list stays here, whatever it is.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from cxr_agent.knowledge import everyday_words

HIDDEN: Final = "[hidden]"
_MOST_CHARACTERS: Final = 2_000
_PIECE: Final = re.compile(r"\S+")
_WORD: Final = re.compile(r"[A-Za-z]+(?:['’][a-z]{1,2})?")
_NUMBER: Final = re.compile(r"[<>~≥≤]?\d{1,3}(?:[.,]\d{1,2})?(?:%|mm|cm|deg|°)?|cm2")
_TAG: Final = re.compile(r"\[?[es]\d{1,4}\]?|(?:img|prior)-\d{1,2}")
_EDGES: Final = "\"'“”‘’()[]{}<>,;:.!?-–—"
_TITLES: Final = frozenset(("mr", "mrs", "ms", "miss", "dr", "prof", "sir", "named", "called"))
_AGE: Final = re.compile(r"\b\d{1,3}[\s-]*(?:year|yr|y\.?o|y/o)s?\b[\s-]*(?:old)?", re.I)
_DIGITS: Final = re.compile(r"\+?\d(?:[\s().-]*\d){6,}")
"""Seven digits and more, whatever stands between them: telephone, record, date and time."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A text that may go out, and how many pieces of it may not."""

    text: str
    hidden: int


def masked(text: str, known: Container[str] = ()) -> Masked:
    """Keep everyday and radiological words, small numbers, evidence ids and handles.

    Also hidden: what follows a title, ages, and words with a capital inside a sentence that are
    no abbreviation, since those are names more often than not.

    Parameters
    ----------
    known
        Words that are kept besides, just as they are written.
    """
    pieces: list[str] = []
    hidden = 0
    after_title, opening = False, True
    for match in _PIECE.finditer(_without_numbers(text[:_MOST_CHARACTERS])):
        piece = match.group()
        core = piece.strip(_EDGES)
        leaves = core in known or _may_leave(piece, core, opening=opening)
        fine = piece == HIDDEN or (not after_title and leaves)
        pieces.append(piece if fine else HIDDEN)
        hidden += not fine or piece == HIDDEN
        after_title = core.lower().rstrip(".") in _TITLES
        opening = piece[-1] in ".!?:"
    return Masked(" ".join(pieces), hidden)


def _without_numbers(text: str) -> str:
    return _AGE.sub(f" {HIDDEN} ", _DIGITS.sub(f" {HIDDEN} ", text))


def _may_leave(piece: str, core: str, *, opening: bool) -> bool:
    if not any(c.isalnum() for c in piece):
        return piece.isascii()
    if _TAG.fullmatch(core.lower()) or _NUMBER.fullmatch(core):
        return True
    words = re.split(r"[-/]", core)
    if len(words) > 3 or not all(_WORD.fullmatch(word) for word in words):
        return False
    known = everyday_words()
    for word in words:
        plain = re.sub(r"['’][a-z]{1,2}$", "", word).lower()
        if plain not in known:
            return False
        named = word[0].isupper() and not word.isupper() and word != "I"
        if named and not opening:
            return False
    return True
