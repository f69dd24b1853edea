"""From what a vision-language model wrote to claims of a closed list; all else is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cxr_agent.evidence import Location, Side
from cxr_agent.knowledge import report_lexicon, vocabulary
from cxr_agent.prose import Claim, Status
from cxr_agent.prose.structure import MOST_TEXT, StructuredSentence, structure

_BARE: Final = re.compile(r"\W*(yes|no)\b\W*", re.IGNORECASE)
"""All that some models answer to a question for one finding."""


class Leaning(StrEnum):
    """Which way a statement leans; none of them is a finding."""

    PRESENT = "suggested"
    DOUBTED = "suggested_with_doubt"
    """Said to be there, in words of doubt."""
    ABSENT = "suggested_absent"
    UNCLEAR = "suggested_unclear"
    """Said to be there and not to be there."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the model says of one finding on one side."""

    code: str
    leaning: Leaning
    side: Side | None = None
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """What of an answer is a claim."""

    suggestions: tuple[Suggestion, ...]
    parts: int
    """Sentences of it."""
    unread: int
    """Those that claim nothing that is known here."""


def read_answer(text: str, asked: str | None = None) -> ReadAnswer:
    """Read an answer by rule.

    Normal statements, numbers, advice and history are no suggestion: they count as unread.

    Parameters
    ----------
    asked
        Code of the finding that was asked for; a bare yes or no is then about it.
    """
    sentences = structure(text[:MOST_TEXT]).sentences
    found: dict[tuple[str, Side | None], list[Suggestion]] = {}
    unread = 0
    for sentence in sentences:
        said = _suggestions(sentence, asked)
        unread += not said
        for one in said:
            found.setdefault((one.code, one.side), []).append(one)
    return ReadAnswer(tuple(map(_merged, found.values())), len(sentences), unread)


def _suggestions(sentence: StructuredSentence, asked: str | None) -> list[Suggestion]:
    bare = _BARE.fullmatch(sentence.text)
    if bare is not None and asked is not None:
        yes = bare.group(1).lower() == "yes"
        return [Suggestion(asked, Leaning.PRESENT if yes else Leaning.ABSENT)]
    if sentence.recommends:
        return []
    made = (_suggestion(claim) for claim in sentence.claims)
    return [one for one in made if one is not None]


def _suggestion(claim: Claim) -> Suggestion | None:
    if claim.kind != "finding" or claim.past:
        return None
    leaning = _leaning(claim)
    code = _known(claim.code, wider=leaning is not Leaning.ABSENT)
    if code is None:
        return None
    location = claim.locations[0] if len(claim.locations) == 1 else None
    side = claim.side
    if side is None and location is not None:
        side = next((one for one in (Side.RIGHT, Side.LEFT) if one in location.split()), None)
    return Suggestion(code, leaning, side, location)


def _leaning(claim: Claim) -> Leaning:
    if claim.status is Status.NEGATIVE:
        return Leaning.ABSENT
    return Leaning.DOUBTED if claim.tentative else Leaning.PRESENT


def _known(code: str, *, wider: bool) -> str | None:
    """The finding of the vocabulary that is named; a wider one only where it is said to be there,
    since without a rib fracture there can be another."""
    names = report_lexicon().finding
    codes = (code, *(names[code].is_a if wider and code in names else ()))
    known = vocabulary()
    return next((one for one in codes if one in known and known[one].kind == "finding"), None)


def _merged(said: list[Suggestion]) -> Suggestion:
    first = said[0]
    leanings = {one.leaning for one in said}
    places = {one.location for one in said}
    if len(leanings) == 1:
        leaning = first.leaning
    elif Leaning.ABSENT in leanings:
        leaning = Leaning.UNCLEAR
    else:
        leaning = Leaning.DOUBTED
    location = first.location if len(places) == 1 else None
    return Suggestion(first.code, leaning, first.side, location)
