"""From evidence to an option, or to a short answer, by rules that can be read here.

Nothing is guessed: where no rule fits, or the evidence says neither yes nor no, there is no answer.

1. Options yes and no (and none, or one that says that it is not known): the question must name
   one finding; present is yes and absent is no, the other way round where it asks whether that is
   normal.
2. Options that are the projections: what the evidence says of the projection.
3. Options that are sides: the question must name one finding, and its evidence must have a side.
4. The question asks for a size: the option whose range holds the measured value, if it is one.
5. Options that name findings: each is held against the evidence as a claim. The one that is borne
   out is taken, if it is one alone; else the one that is left when all others are contradicted.
   Where the question asks what is *not* there, borne out and contradicted change places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cxr_agent.evaluation.cxreasonbench.options import Option
from cxr_agent.evaluation.suites.facts import (
    Fact,
    all_borne_out,
    claims_in,
    facts_of,
    polarity_of,
    side_of,
)
from cxr_agent.evidence import Evidence, EvidenceKind, Polarity, Side
from cxr_agent.knowledge import vocabulary
from cxr_agent.questions import Intent, understand

_NOT_KNOWN: Final = re.compile(
    r"uncertain|unclear|not sure|don'?t know|do not know|cannot (?:be )?(?:determined?|tell)|"
    r"indeterminate|equivocal|insufficient"
)
_NEGATED: Final = re.compile(
    r"\b(?:not|absent|absence|except|excluded|without|no evidence)\b", re.I
)
_NORMAL: Final = re.compile(r"\bnormal\b", re.I)
_YES_NO: Final = re.compile(r"^(?:is|are|does|do|did|was|were|has|have|can|could)\b", re.I)
_MODALITY: Final = re.compile(
    r"\b(?:modality|imaging technique|type of (?:image|scan|study))\b", re.I
)
_WHERE: Final = re.compile(r"\b(?:which|what) (?:side|lung|hemithorax)\b", re.I)
_SIDES: Final = {
    Side.RIGHT: frozenset(("right", "on the right", "right side", "right lung", "right sided")),
    Side.LEFT: frozenset(("left", "on the left", "left side", "left lung", "left sided")),
    Side.BILATERAL: frozenset(("both", "bilateral", "both sides", "both lungs", "bilaterally")),
}
_PROJECTIONS: Final = {
    "pa": frozenset(("pa", "pa view", "posteroanterior", "posterior anterior", "postero anterior")),
    "ap": frozenset(("ap", "ap view", "anteroposterior", "anterior posterior", "antero posterior")),
    "lateral": frozenset(("lateral", "lateral view")),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the rules made of a question with options."""

    chosen: int | None
    """None where nothing is answered."""
    why: str
    """``yes_no``, ``projection``, ``side``, ``range``, ``borne_out``, ``left_over``; or why not:
    ``not_understood``, ``not_known``, ``several``."""


def choose(text: str, options: Sequence[str], evidence: Sequence[Evidence]) -> Choice:
    """The option that evidence on the current films speaks for.

    Parameters
    ----------
    text
        The question without its options.
    """
    plain = [_plain(one) for one in options]
    facts = facts_of(evidence)
    if {"yes", "no"} <= set(plain):
        return _yes_no(text, options, plain, facts)
    projections = [next((c for c, w in _PROJECTIONS.items() if p in w), None) for p in plain]
    if sum(one is not None for one in projections) >= 2:
        return _one([o == _projection(evidence) for o in projections], "projection")
    sides = [next((side for side, words in _SIDES.items() if p in words), None) for p in plain]
    if sum(one is not None for one in sides) >= 2:
        asked = understand(text).subjects
        side = side_of(asked[0], facts) if len(asked) == 1 else None
        return _one([one is not None and one is side for one in sides], "side")
    if understand(text).intent is Intent.SIZE:
        return _range(text, options, evidence)
    return _claimed(text, options, facts)


def answer(text: str, evidence: Sequence[Evidence]) -> tuple[str | None, str]:
    """A short answer in words, and by which rule; None where nothing is answered.

    The modality (only radiographs are read at all), the projection, yes or no, the side of the
    finding that is named, a number with its unit, and else the findings that are present where the
    question asks for everything.
    """
    facts = facts_of(evidence)
    asked = understand(text)
    if _MODALITY.search(text):
        return "X-ray", "modality"
    if asked.subjects == ("projection",):
        found = _projection(evidence)
        return (found.upper() if found else None), "projection"
    if _YES_NO.match(text.strip()):
        choice = _yes_no(text, ("yes", "no"), ["yes", "no"], facts)
        return (None if choice.chosen is None else ("yes", "no")[choice.chosen]), choice.why
    if _WHERE.search(text) and len(asked.subjects) == 1:
        side = side_of(asked.subjects[0], facts)
        return (side.value if side else None), "side"
    if asked.intent is Intent.SIZE and len(asked.subjects) == 1:
        item = _measured(asked.subjects[0], evidence)
        return (None if item is None else f"{item.value:.2f}"), "value"
    present = [fact.code for fact in facts if fact.polarity is Polarity.PRESENT]
    if asked.intent is Intent.SUMMARY and present:
        names = dict.fromkeys(vocabulary()[code].name for code in present)
        return ", ".join(names), "present"
    return None, "not_understood" if asked.intent is Intent.UNKNOWN else "not_known"


def _yes_no(
    text: str, options: Sequence[str], plain: Sequence[str], facts: Sequence[Fact]
) -> Choice:
    asked = understand(text)
    if len(asked.subjects) != 1 or asked.intent is not Intent.PRESENCE:
        return Choice(None, "not_understood")
    if _NEGATED.search(text) or any(
        p not in ("yes", "no") and not _NOT_KNOWN.search(o.lower())
        for o, p in zip(options, plain, strict=True)
    ):
        return Choice(None, "not_understood")
    known = polarity_of(asked.subjects[0], facts, asked.side)
    if known not in (Polarity.PRESENT, Polarity.ABSENT):
        return Choice(None, "not_known")
    yes = (known is Polarity.PRESENT) is not bool(_NORMAL.search(text))
    return Choice(plain.index("yes" if yes else "no"), "yes_no")


def _claimed(text: str, options: Sequence[str], facts: Sequence[Fact]) -> Choice:
    judged = [all_borne_out(claims_in(one), facts) for one in options]
    if all(not claims_in(one) for one in options):
        return Choice(None, "not_understood")
    if _NEGATED.search(text):
        judged = [None if one is None else not one for one in judged]
    if sum(one is True for one in judged) == 1:
        return Choice(judged.index(True), "borne_out")
    if True in judged:
        return Choice(None, "several")
    if len(judged) - judged.count(False) == 1:
        return Choice(judged.index(None), "left_over")
    return Choice(None, "not_known")


def _range(text: str, options: Sequence[str], evidence: Sequence[Evidence]) -> Choice:
    asked = understand(text).subjects
    item = _measured(asked[0], evidence) if len(asked) == 1 else None
    if item is None or item.value is None:
        return Choice(None, "not_known")
    ranges = [Option("", one).numbers[:2] for one in options]
    value = item.value
    return _one([len(r) == 2 and min(r) <= value <= max(r) for r in ranges], "range")


def _measured(code: str, evidence: Sequence[Evidence]) -> Evidence | None:
    found = [
        item
        for item in evidence
        if item.code == code and item.kind is EvidenceKind.MEASUREMENT and not item.of_prior
    ]
    return found[0] if len(found) == 1 else None


def _projection(evidence: Sequence[Evidence]) -> str | None:
    found = {
        item.category
        for item in evidence
        if item.code in ("projection", "projection_from_pixels") and not item.of_prior
    } & set(_PROJECTIONS)
    return found.pop() if len(found) == 1 else None


def _one(fits: Sequence[bool], why: str) -> Choice:
    if sum(fits) == 1:
        return Choice(list(fits).index(True), why)
    return Choice(None, "several" if any(fits) else "not_known")


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))
