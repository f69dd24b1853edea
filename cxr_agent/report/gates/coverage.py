"""The coverage gate: everything a tool said is said, and what is critical comes first."""

from __future__ import annotations

from collections.abc import Sequence

from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.knowledge import vocabulary
from cxr_agent.prose import read_sentence
from cxr_agent.report.compose import is_critical, readings, tier_of
from cxr_agent.report.draft import Draft, Section
from cxr_agent.report.gates.agreement import speaks_of
from cxr_agent.report.gates.claims import read_claims
from cxr_agent.report.model import Sentence


def left_out(draft: Draft, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Evidence that no sentence says; a finding must be said beyond Technique.

    Descriptors are shown where their finding is opened, and need no sentence.
    """
    anywhere = [sentence for _, sentence in draft]
    foremost = [*draft.findings, *draft.impression, *draft.comparison]
    return [
        item
        for item in evidence
        if item.kind is not EvidenceKind.DESCRIPTOR
        and not any(
            says(sentence, item)
            for sentence in (foremost if item.kind is EvidenceKind.FINDING else anywhere)
        )
    ]


def says(sentence: Sentence, item: Evidence) -> bool:
    """Whether a sentence tells of the evidence; a mere citation hides a finding or a limit."""
    if item.id not in sentence.evidence:
        return False
    if item.kind is EvidenceKind.LIMITATION:
        return sentence.text in readings(item)
    term = vocabulary().get(item.code)
    if item.kind is EvidenceKind.FINDING and term is not None and term.words:
        named = item.code in read_claims(sentence.text).terms
        return named or speaks_of(read_sentence(sentence.text).claims, item)
    return True


def below_the_fold(draft: Draft, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Critical findings of the current films that do not open the impression."""
    critical = [item for item in evidence if is_critical(item) and not item.of_prior]
    critical.sort(key=lambda item: tier_of(item) or 0)
    opening = draft.impression[: len(critical)]
    return [item for item in critical if not any(says(sentence, item) for sentence in opening)]


def raise_to_top(draft: Draft, sentence: Sentence) -> Draft:
    """Put the sentence of a critical finding at the head of the impression."""
    rest: tuple[Sentence, ...] = tuple(s for s in draft.impression if s.text != sentence.text)
    return draft.with_section(Section.IMPRESSION, (sentence, *rest))
