"""A vision-language model that says what it was told to: for tests of tools that ask one."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_agent.language import Exchange, Message
from cxr_agent.language.exchange import OK
from cxr_agent.vision.consulting import Consultation


@dataclass(frozen=True, slots=True)
class ScriptedVision:
    """Gives one answer to every question, without a network."""

    answer: str
    outcome: str = OK
    name: str = "scripted"

    @property
    def source(self) -> ScriptedVision:
        return self

    def ask(self, picture: bytes, question: str) -> tuple[tuple[Message, ...], Exchange]:
        """The answer; ``outcome`` says what went wrong, if anything is to."""
        messages: tuple[Message, ...] = ({"role": "user", "content": question},)
        return messages, Exchange(model=self.name, outcome=self.outcome, text=self.answer)


def scripted_consultation(answer: str = "No.", outcome: str = OK) -> Consultation:
    """What a tool is given whose parameter is a :class:`Consultation`."""
    return Consultation(ScriptedVision(answer, outcome))
