"""A language model words findings and impression; the gates decide what of it goes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.language import LanguageModel, Message, load_prompt
from cxr_agent.planning.planner import Consulted
from cxr_agent.planning.seen import evidence_lines
from cxr_agent.report.draft import Draft, Section
from cxr_agent.report.gates.support import fault_of
from cxr_agent.report.written import read_lines, sentences_of

_WORDED: Final = (EvidenceKind.FINDING, EvidenceKind.MEASUREMENT)


class Writer:
    """Asks a language model for the sentences of a report."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._prompt = load_prompt("word")

    def word(self, draft: Draft, evidence: Sequence[Evidence]) -> tuple[Draft, Consulted | None]:
        """The draft in the model's words, and the exchange.

        Technique, comparison and limits stay in the words of the rules, and so does every
        statement that the model does not make in words that its evidence supports.
        """
        about = [item for item in evidence if item.kind in _WORDED and not item.of_prior]
        lines = "\n".join(evidence_lines(about))
        messages: list[Message] = [
            {"role": "system", "content": self._prompt.text},
            {"role": "user", "content": f"Evidence:\n{lines}"},
        ]
        exchange = self._model.ask(messages)
        consulted = Consulted("word", self._prompt, tuple(messages), exchange)
        if not exchange.fine:
            return draft, consulted
        known = {item.id: item for item in evidence}
        written = read_lines(exchange.text)
        for section in (Section.FINDINGS, Section.IMPRESSION):
            sentences = sentences_of(written, section, known)
            said = {
                identity
                for sentence in sentences
                if fault_of(sentence, known) is None
                for identity in sentence.evidence
            }
            # What the model left out, or said in words that the gate will not let out, stays.
            by_rule = tuple(s for s in draft.of(section) if not said.issuperset(s.evidence))
            draft = draft.with_section(section, (*sentences, *by_rule))
        return draft, consulted
