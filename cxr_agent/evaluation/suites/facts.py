"""What evidence, or a text, says of findings, and whether it bears out a claim.

A fact counts only as it stands: where two disagree, where one is undecided, or where a side or a
place is not told, nothing follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cxr_agent.evidence import Evidence, EvidenceKind, Location, Polarity, Side
from cxr_agent.prose.claims import Claim
from cxr_agent.prose.read import read_sentence
from cxr_agent.prose.sentences import sentence_spans


@dataclass(frozen=True, slots=True)
class Fact:
    """One finding, as it was stated."""

    code: str
    polarity: Polarity
    side: Side | None = None
    location: Location | None = None


def facts_of(evidence: Iterable[Evidence]) -> list[Fact]:
    """Of the findings on the current films."""
    return [
        Fact(item.code, item.polarity, item.side, item.location)
        for item in evidence
        if item.kind is EvidenceKind.FINDING and not item.of_prior and item.polarity is not None
    ]


def facts_in(text: str) -> list[Fact]:
    """What a text claims of findings, sentence by sentence; history is no fact."""
    return [
        Fact(claim.code, claim.polarity, claim.side, next(iter(claim.locations), None))
        for claim in claims_in(text)
        if claim.kind == "finding" and not claim.past
    ]


def claims_in(text: str) -> list[Claim]:
    """The claims of all its sentences."""
    return [
        claim
        for start, end in sentence_spans(text, 0, len(text))
        for claim in read_sentence(text[start:end]).claims
    ]


def polarity_of(code: str, facts: Sequence[Fact], side: Side | None = None) -> Polarity | None:
    """Whether a finding is there, on a side where one is asked for; None where that is not known.

    What is present without a side is not known to be on the side that is asked for; what is absent
    without one is absent on both.
    """
    own = [fact for fact in facts if fact.code == code]
    if side in (Side.RIGHT, Side.LEFT):
        own = [fact for fact in own if fact.side in (None, side, Side.BILATERAL)]
    present = [fact for fact in own if fact.polarity is Polarity.PRESENT]
    absent = [fact for fact in own if fact.polarity is Polarity.ABSENT]
    if present:
        if any(fact.side in (None, side) for fact in absent):
            return None  # stated both ways
        placed = side is None or all(fact.side is not None for fact in present)
        return Polarity.PRESENT if placed and _covers(present, side) else None
    undecided = any(fact.polarity is Polarity.UNCERTAIN for fact in own)
    return Polarity.ABSENT if absent and not undecided else None


def _covers(present: Sequence[Fact], side: Side | None) -> bool:
    """Both sides need both; the other sides were chosen before."""
    sides = {fact.side for fact in present}
    return side is not Side.BILATERAL or Side.BILATERAL in sides or {Side.RIGHT, Side.LEFT} <= sides


def side_of(code: str, facts: Sequence[Fact]) -> Side | None:
    """The side of a finding that is present; None where it is not told."""
    sides = {f.side for f in facts if f.code == code and f.polarity is Polarity.PRESENT}
    if Side.BILATERAL in sides or {Side.RIGHT, Side.LEFT} <= sides:
        return Side.BILATERAL
    return sides.pop() if len(sides) == 1 else None


_NORMAL: Final = {"heart_size": "cardiomegaly"}
"""What a place that is as it should be says of a finding."""


def borne_out(claim: Claim, facts: Sequence[Fact]) -> bool | None:
    """Whether facts say what a claim says (True), its opposite (False), or neither (None)."""
    if claim.kind == "normal" and claim.code in _NORMAL:
        known = polarity_of(_NORMAL[claim.code], facts)
        return None if known is None else known is Polarity.ABSENT
    if claim.kind != "finding" or claim.polarity is Polarity.UNCERTAIN:
        return None
    known = polarity_of(claim.code, facts, claim.side)
    if known is None:
        return None
    wanted = {place for place in claim.locations if place.startswith(("right ", "left "))}
    if known is Polarity.PRESENT and claim.polarity is known and wanted:
        places = {fact.location for fact in facts if fact.code == claim.code}
        return True if places & wanted else None
    return known is claim.polarity


def all_borne_out(claims: Sequence[Claim], facts: Sequence[Fact]) -> bool | None:
    """Of several claims together: one that is contradicted decides, then one that is not known."""
    judged = [borne_out(claim, facts) for claim in claims]
    if not judged or (None in judged and False not in judged):
        return None
    return False not in judged
