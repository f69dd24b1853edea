"""A language model as a second judge: it may only strike out, never let in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from cxr_agent.evidence import Evidence
from cxr_agent.language import LanguageModel, Message, load_prompt
from cxr_agent.planning.planner import Consulted
from cxr_agent.report.compose import rule_texts
from cxr_agent.report.draft import Draft, Section
from cxr_agent.report.model import Sentence

_ANSWER: Final = re.compile(r"^\s*(\d{1,3})\s*[:.)]\s*(yes|no)\b", re.IGNORECASE | re.MULTILINE)


class Judge:
    """Asks a language model about the sentences that no rule wrote."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._prompt = load_prompt("judge")

    def sift(self, draft: Draft, evidence: Sequence[Evidence]) -> tuple[Draft, Consulted | None]:
        """The draft without what the model calls unsupported, and the exchange, where one was.

        The gates judge what is left as ever, and say in a rule's words what now is left out. A
        model that does not answer strikes nothing out.
        """
        known = {item.id: item for item in evidence}
        asked = list(_worded(draft, known))
        if not asked:
            return draft, None
        lines = [
            f"{number}. {sentence.text}\n   evidence: "
            + " ".join(known[one].reading for one in sentence.evidence if one in known)
            for number, sentence in enumerate(asked, start=1)
        ]
        messages: list[Message] = [
            {"role": "system", "content": self._prompt.text},
            {"role": "user", "content": "\n".join(lines)},
        ]
        exchange = self._model.ask(messages)
        consulted = Consulted("judge", self._prompt, tuple(messages), exchange)
        if not exchange.fine:
            return draft, consulted
        struck = {
            asked[int(number) - 1]
            for number, answer in _ANSWER.findall(exchange.text)
            if answer.lower() == "no" and 0 < int(number) <= len(asked)
        }
        return draft.mapped(lambda _, sentence: None if sentence in struck else sentence), consulted


def _worded(draft: Draft, known: dict[str, Evidence]) -> Iterator[Sentence]:
    for section in (Section.FINDINGS, Section.IMPRESSION):
        for sentence in draft.of(section):
            cited = [known[one] for one in sentence.evidence if one in known]
            if not any(sentence.text in rule_texts(item) for item in cited):
                yield sentence
