"""Where a report contradicts itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from cxr_agent.checking.model import Kind, Remark
from cxr_agent.evidence import Change, Polarity, Side
from cxr_agent.knowledge import report_lexicon
from cxr_agent.prose import Claim
from cxr_agent.prose.structure import StructuredReport, StructuredSentence

_Told = tuple[StructuredSentence, Claim]


def contradictions(report: StructuredReport) -> Iterator[Remark]:
    """Pairs of statements that cannot both be true, each told once.

    A finding and its denial on the same side; a normal place with a finding there; one change and
    its opposite; two values of one measurement; a side in the impression that the findings do not
    have.
    """
    told = [
        (sentence, claim)
        for sentence in report.sentences
        for claim in sentence.claims
        if not claim.past
    ]
    seen: set[tuple[str, str, str]] = set()
    for (first, one), (second, other) in combinations(told, 2):
        reason = _clash(one, other)
        pair = (first.id, second.id, one.code if one.kind == "finding" else other.code)
        if reason is not None and pair not in seen:
            seen.add(pair)
            yield _remark(second, other, first)
    yield from _sides(report)


def _clash(one: Claim, other: Claim) -> str | None:
    if one.kind == "measurement" or other.kind == "measurement":
        same = one.kind == other.kind and one.code == other.code and one.side == other.side
        return "value" if same and _differ(one, other) else None
    if one.code == other.code and one.kind == other.kind == "finding":
        if not _meet(one, other):
            return None
        if {one.polarity, other.polarity} == {Polarity.PRESENT, Polarity.ABSENT}:
            return None if _qualified(one) or _qualified(other) else "polarity"
        opposite = {one.change, other.change} == {Change.IMPROVED, Change.WORSENED}
        return "change" if opposite and one.side == other.side else None
    normal, finding = (one, other) if one.kind == "normal" else (other, one)
    if normal.kind == "normal" and finding.kind == "finding":
        denied = report_lexicon().anatomy[normal.code].means_absent
        plain = finding.polarity is Polarity.PRESENT and not _qualified(finding)
        # "The lungs are clear" beside an old scar or a tube is how people write.
        return "normal" if plain and finding.code in denied[:1] and _meet(one, other) else None
    return None


def _qualified(claim: Claim) -> bool:
    """Whether a denial or a finding is only of a kind of it: "no large effusion", "no new ..."."""
    return bool(
        claim.severity
        or claim.change is not None
        or claim.morphology
        or claim.distribution
        or claim.onset
        or claim.locations
    )


def _meet(one: Claim, other: Claim) -> bool:
    sides = {one.side, other.side}
    return sides != {Side.RIGHT, Side.LEFT}


def _differ(one: Claim, other: Claim) -> bool:
    first, second = one.quantities[0], other.quantities[0]
    if first.unit != second.unit:
        return False
    step = 10.0 ** -min(first.decimals, second.decimals)
    return abs(first.value - second.value) > step / 2 + 1e-9


def _sides(report: StructuredReport) -> Iterator[Remark]:
    """A finding of the impression on a side on which the findings do not have it."""
    findings: dict[str, set[Side | None]] = {}
    for sentence in report.of("findings"):
        for claim in sentence.claims:
            if claim.kind == "finding" and claim.polarity is not Polarity.ABSENT:
                findings.setdefault(claim.code, set()).add(claim.side)
    for sentence in report.of("impression"):
        for claim in sentence.claims:
            known = findings.get(claim.code)
            single = claim.side in (Side.RIGHT, Side.LEFT)
            if claim.kind != "finding" or claim.polarity is Polarity.ABSENT:
                continue
            if known and single and not known & {claim.side, Side.BILATERAL, None}:
                source = next(
                    one
                    for one in report.of("findings")
                    if any(c.code == claim.code and c.side in known for c in one.claims)
                )
                yield _remark(sentence, claim, source)


def _remark(sentence: StructuredSentence, claim: Claim, other: StructuredSentence) -> Remark:
    return Remark(
        kind=Kind.CONTRADICTION,
        significant=True,
        sentence=sentence.id,
        text=sentence.text,
        code=claim.code,
        against=f"{other.id}: {other.text}",
    )
