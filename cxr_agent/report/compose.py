"""From evidence to a draft: which section a statement goes to, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cxr_agent.evidence import OUTSIDE, Change, Evidence, EvidenceKind, Polarity
from cxr_agent.knowledge import (
    Basis,
    conflict_rules,
    coverage,
    critical_findings,
    vocabulary,
)
from cxr_agent.report.draft import Draft, Section
from cxr_agent.report.model import Heading, Sentence
from cxr_agent.report.phrasing import (
    greys_unchanged,
    is_grey_unchanged,
    on_film,
    outlines,
    scope,
    told,
)
from cxr_agent.report.suggested import is_suggested

_ORDER: Final = {Polarity.PRESENT: 0, Polarity.UNCERTAIN: 1, Polarity.ABSENT: 2}
_LEAST_CRITICAL: Final = 2
"""Tiers up to this one are flagged; a later one only orders the impression."""
_UNSAID: Final = (EvidenceKind.REGION, EvidenceKind.DESCRIPTOR)
"""Outlines are told together; descriptors open a finding up and are no statement of their own."""
_CONTEXT: Final = (EvidenceKind.NEIGHBOUR, EvidenceKind.TEXT)
_NO_ANSWER: Final = (EvidenceKind.LIMITATION, *_UNSAID)


def compose(evidence: Sequence[Evidence], asked: Sequence[str] = ()) -> Draft:
    """Say everything that the evidence says, once, by rule.

    Parameters
    ----------
    asked
        Codes of the clinical question, which is answered before anything else.
    """
    return Draft.made_of(_said(evidence, asked))


def _said(evidence: Sequence[Evidence], asked: Sequence[str]) -> Iterator[tuple[Section, Sentence]]:
    """The sentences of a draft, each with its section."""
    several = len({item.image for item in evidence if not item.of_prior}) > 1
    for item in answers(evidence, asked):
        yield Section.ANSWER, sentence_of(item, Section.ANSWER, several=several)
    drawn = list(_outlines(evidence, several))
    for section, sentence in drawn:
        if section is Section.TECHNIQUE:
            yield section, sentence
    for item in sorted(evidence, key=_rank):
        if item.kind not in _UNSAID and not is_grey_unchanged(item):
            section = section_of(item)
            yield section, sentence_of(item, section, several=several)
    for sentence in _greys_unchanged(evidence, several):
        yield Section.COMPARISON, sentence
    for section, sentence in drawn:
        if section is not Section.TECHNIQUE:
            yield section, sentence
    for item in _impression(evidence):
        yield Section.IMPRESSION, sentence_of(item, Section.IMPRESSION, several=several)
    unexamined = tuple(i.id for i in evidence if i.code == "not_examined" and not i.of_prior)
    if unexamined:
        yield Section.IMPRESSION, Sentence(text=scope(), evidence=unexamined)


def answers(evidence: Sequence[Evidence], asked: Sequence[str]) -> list[Evidence]:
    """What the evidence on the current films says of each code, in the order of the question.

    What a tool found comes first, and before why another could not; ``clinical_question`` is what
    the program has to say of the question itself.
    """
    current = [item for item in evidence if not item.of_prior]
    found: list[Evidence] = []
    for code in asked:
        about = [item for item in current if item.code == code]
        told = sorted((item for item in about if item.kind not in _NO_ANSWER), key=_urgency)
        found += told or [item for item in about if item.kind is EvidenceKind.LIMITATION]
    found += [item for item in current if item.code == "clinical_question"]
    return list({item.id: item for item in found}.values())


def section_of(evidence: Evidence) -> Section:
    """Where a report says this."""
    told_there = evidence.kind is EvidenceKind.COMPARISON or evidence.code == "prior_comparison"
    if evidence.of_prior or told_there:
        return Section.COMPARISON
    if evidence.kind in _CONTEXT or evidence.code == "similar_cases":
        return Section.CONTEXT
    if evidence.code in ("not_examined", "conflict"):
        return Section.FINDINGS
    if evidence.kind is EvidenceKind.LIMITATION:
        return Section.LIMITATIONS
    if evidence.kind in (EvidenceKind.QUALITY, EvidenceKind.REGION):
        return Section.TECHNIQUE
    return Section.FINDINGS


def sentence_of(evidence: Evidence, section: Section, *, several: bool) -> Sentence:
    """The reading of one piece of evidence as a sentence of a section.

    Parameters
    ----------
    several
        Whether the study has more than one current film, so that each must be named.
    """
    return Sentence(
        text=told(evidence, several=several),
        evidence=(evidence.id,),
        heading=heading_of(evidence) if section is Section.FINDINGS else None,
        tier=tier_of(evidence) if section is Section.IMPRESSION else None,
    )


def readings(evidence: Evidence) -> frozenset[str]:
    """The reading as a sentence, with and without the film named."""
    return frozenset((evidence.reading, on_film(evidence.reading, evidence.image)))


def rule_texts(evidence: Evidence) -> frozenset[str]:
    """Every sentence that a rule writes for one piece of evidence alone."""
    closing = (scope(),) if evidence.code == "not_examined" else ()
    return readings(evidence).union(closing)


def _impression(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Findings in order of importance, changes, where tools disagree, what could not be measured.

    What a rule decided against stands in Findings, and in the sentence on the disagreement.
    """
    current = [item for item in evidence if not item.of_prior]
    conflicts = [item for item in current if item.code == "conflict"]
    lost = overruled(current)
    findings = [
        item
        for item in current
        if item.kind is EvidenceKind.FINDING and _weighty(item) and item.id not in lost
    ]
    unmeasured = [
        item
        for item in current
        if item.kind is EvidenceKind.LIMITATION and _kind(item.code) in ("measurement", "finding")
    ]
    return sorted(findings, key=_urgency) + _changes(current) + conflicts + unmeasured


def _changes(current: Sequence[Evidence]) -> list[Evidence]:
    """What has changed since the latest prior that could be compared."""
    compared = [item for item in current if item.kind is EvidenceKind.COMPARISON]
    # Handles are given with the newest first.
    latest = min((number_of(i.against) for i in compared if i.against), default=0)
    return [
        item
        for item in compared
        if item.category != Change.NO_CHANGE
        and item.against is not None
        and number_of(item.against) == latest
    ]


def number_of(handle: str) -> int:
    """The number in a film's handle."""
    return int(handle.rpartition("-")[2])


def overruled(evidence: Sequence[Evidence]) -> frozenset[str]:
    """Ids of what a rule decided against; nothing that is critical, whatever the rule says."""
    over = {rule.code: rule.over for rule in conflict_rules()}
    return frozenset(
        item.id
        for conflict in evidence
        if conflict.code == "conflict"
        for item in evidence
        if item.id in conflict.basis
        and rests_on(item) in over.get(conflict.category or "", ())
        and not is_critical(item)
    )


def rests_on(finding: Evidence) -> Basis:
    """What a statement on a finding rests on, in the terms of ``kb/conflicts.toml``."""
    if is_suggested(finding):
        return "suggested"
    if finding.category == "by_reader":
        return "reader"
    return "measured" if finding.value is not None else "classified"


def _weighty(evidence: Evidence) -> bool:
    """Of what a classifier states, what it finds: the rest stands in Findings alone.

    What it does not find is no normal statement, and what it leaves open is unlikely more often
    than not. Nor is what a vision-language model denies.
    """
    if evidence.category == "suggested_absent":
        return False
    classified = evidence.probability is not None or evidence.category == OUTSIDE
    return not classified or evidence.polarity is Polarity.PRESENT


def _urgency(evidence: Evidence) -> tuple[int, int]:
    """Critical ones by tier, then present before uncertain, each by tier, and last the absent."""
    polarity = evidence.polarity or Polarity.ABSENT
    if polarity is Polarity.ABSENT:
        return _ORDER[polarity] + 1, 0
    listed = critical_findings().get(evidence.code)
    tier = listed.tier if listed is not None else _LEAST_CRITICAL + 2
    return 0 if is_critical(evidence) else _ORDER[polarity] + 1, tier


def tier_of(evidence: Evidence) -> int | None:
    """The tier of a finding that must not stand below another; None for all else."""
    listed = critical_findings().get(evidence.code)
    if listed is None or listed.tier > _LEAST_CRITICAL:
        return None
    present = evidence.kind is EvidenceKind.FINDING and evidence.polarity is Polarity.PRESENT
    return listed.tier if present else None


def is_critical(evidence: Evidence) -> bool:
    """Whether this is a finding that must not wait."""
    return tier_of(evidence) is not None


def _outlines(evidence: Sequence[Evidence], several: bool) -> Iterable[tuple[Section, Sentence]]:
    """One sentence per film and tool for all its outlines."""
    drawn: dict[tuple[str, str], list[Evidence]] = {}
    for item in evidence:
        if item.kind is EvidenceKind.REGION:
            drawn.setdefault((item.image, item.provenance.tool), []).append(item)
    for regions in drawn.values():
        yield (
            section_of(regions[0]),
            Sentence(
                text=outlines(regions, several=several),
                evidence=tuple(region.id for region in regions),
            ),
        )


def _greys_unchanged(evidence: Sequence[Evidence], several: bool) -> Iterable[Sentence]:
    """One sentence per pair of films for all zones that are as they were."""
    pairs: dict[tuple[str, str | None], list[Evidence]] = {}
    for item in evidence:
        if is_grey_unchanged(item):
            pairs.setdefault((item.image, item.against), []).append(item)
    for zones in pairs.values():
        yield Sentence(
            text=greys_unchanged(zones, several=several),
            evidence=tuple(zone.id for zone in zones),
        )


def _rank(evidence: Evidence) -> int:
    """What has changed goes first, then what has not; all else keeps its order."""
    if evidence.kind is not EvidenceKind.COMPARISON:
        return 2
    return int(evidence.category == Change.NO_CHANGE)


def heading_of(evidence: Evidence) -> Heading:
    """The header under Findings that this stands under."""
    if evidence.code == "not_examined" and len(evidence.reasons) == 1:
        part = coverage().get(evidence.reasons[0])
        return Heading(part.heading) if part is not None else Heading.OTHER
    code = evidence.reasons[0] if evidence.code == "conflict" else evidence.code
    term = vocabulary().get(code)
    try:
        return Heading(term.section) if term else Heading.OTHER
    except ValueError:
        return Heading.OTHER


def _kind(code: str) -> str:
    term = vocabulary().get(code)
    return term.kind if term else ""
