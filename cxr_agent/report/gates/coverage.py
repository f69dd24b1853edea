"""The coverage gate: everything a tool said is said, and what is critical comes first."""

from __future__ import annotations

from collections.abc import Sequence

from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.report.compose import is_critical, is_prior, sentence_of
from cxr_agent.report.draft import Draft, Section
from cxr_agent.report.model import Sentence


def left_out(draft: Draft, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Evidence that no sentence cites; a finding must be cited beyond Technique."""
    anywhere = {identity for _, sentence in draft for identity in sentence.evidence}
    said = {
        identity
        for section, sentence in draft
        if section in (Section.FINDINGS, Section.IMPRESSION, Section.COMPARISON)
        for identity in sentence.evidence
    }
    return [
        item
        for item in evidence
        if item.id not in (said if item.kind is EvidenceKind.FINDING else anywhere)
    ]


def below_the_fold(draft: Draft, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Critical findings of the current films that do not open the impression."""
    critical = [item for item in evidence if is_critical(item) and not is_prior(item)]
    opening = draft.impression[: len(critical)]
    opened = {identity for sentence in opening for identity in sentence.evidence}
    return [item for item in critical if item.id not in opened]


def raise_to_top(draft: Draft, item: Evidence, *, several: bool) -> Draft:
    """Put a critical finding at the head of the impression."""
    sentence = sentence_of(item, several=several)
    rest: tuple[Sentence, ...] = tuple(s for s in draft.impression if s.text != sentence.text)
    return draft.with_section(Section.IMPRESSION, (sentence, *rest))
