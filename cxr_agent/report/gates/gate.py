"""Both gates over a draft: repair once, then drop and record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cxr_agent.evidence import Evidence
from cxr_agent.report.compose import section_of, sentence_of
from cxr_agent.report.draft import Draft, Section
from cxr_agent.report.gates.coverage import below_the_fold, left_out, raise_to_top
from cxr_agent.report.gates.fault import Fault
from cxr_agent.report.gates.support import fault_of
from cxr_agent.report.model import Dropped, Sentence

Gate = Literal["evidence", "coverage"]
Action = Literal["kept", "repaired", "dropped", "added"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate decided about one sentence."""

    gate: Gate
    passed: bool
    sentence: str
    reason: str
    action: Action


@dataclass(frozen=True, slots=True)
class Gated:
    """What is let out, what is not, and every decision."""

    draft: Draft
    verdicts: tuple[Verdict, ...]
    dropped: tuple[Dropped, ...]


def repair(draft: Draft, evidence: Sequence[Evidence]) -> Gated:
    """Run both gates.

    A sentence without support is replaced by the rule-written reading of the one piece of
    evidence that it cites, if that is supported; otherwise it is dropped. What is then left
    unsaid is added in the words of the rule.
    """
    known = {item.id: item for item in evidence}
    several = len({item.image for item in evidence if not item.of_prior}) > 1
    verdicts: list[Verdict] = []
    dropped: list[Dropped] = []

    def drop(gate: Gate, sentence: Sentence, fault: Fault) -> None:
        verdicts.append(Verdict(gate, False, sentence.text, fault, "dropped"))
        dropped.append(Dropped(text=sentence.text, evidence=sentence.evidence, reason=fault.value))

    def check(section: Section, sentence: Sentence) -> Sentence | None:
        fault = fault_of(sentence, known)
        if fault is None:
            verdicts.append(Verdict("evidence", True, sentence.text, "supported", "kept"))
            return sentence
        cited = [known[identity] for identity in sentence.evidence if identity in known]
        if len(cited) == 1 and _belongs(cited[0], section):
            mended = sentence_of(cited[0], section, several=several)
            if fault_of(mended, known) is None:
                verdicts.append(Verdict("evidence", False, sentence.text, fault, "repaired"))
                return mended
        drop("evidence", sentence, fault)
        return None

    draft = draft.mapped(check)
    for item in left_out(draft, evidence):
        section = section_of(item)
        sentence = sentence_of(item, section, several=several)
        fault = fault_of(sentence, known)
        if fault is not None:  # no way round the evidence gate, not even for a rule's own words
            drop("coverage", sentence, fault)
            continue
        verdicts.append(Verdict("coverage", False, sentence.text, "left_out", "added"))
        draft = draft.adding(section, sentence)
    for item in reversed(below_the_fold(draft, evidence)):
        sentence = sentence_of(item, Section.IMPRESSION, several=several)
        if fault_of(sentence, known) is not None:
            continue  # dropped above, and so recorded
        verdicts.append(Verdict("coverage", False, sentence.text, "below_the_fold", "repaired"))
        draft = raise_to_top(draft, sentence)
    # Two sentences of a section that were mended to the same one become one.
    draft = Draft.made_of(dict.fromkeys(draft))
    return Gated(draft, tuple(verdicts), tuple(dropped))


def _belongs(item: Evidence, section: Section) -> bool:
    """Whether a section may say this: an outline is no impression, whoever cites it there."""
    own = section_of(item)
    return section is own or (
        section in (Section.IMPRESSION, Section.ANSWER)
        and own in (Section.FINDINGS, Section.LIMITATIONS)
    )
