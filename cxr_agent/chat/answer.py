"""What a question is answered with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cxr_agent.questions import Question
from cxr_agent.report.model import Sentence

RULE = "rule"


@dataclass(frozen=True, slots=True)
class Noted:
    """Something about the program, not about the film: it cites nothing and claims nothing."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question."""

    turn: int
    question: Question
    sentences: tuple[Sentence, ...]
    """Each supported by the evidence that it cites."""
    steps: dict[str, int]
    """Step of each piece of evidence that is cited: the tags."""
    worded_by: str = RULE
    unsupported: int = 0
    """Sentences of the language model that the gate kept back."""
    notes: tuple[Noted, ...] = ()
    explained: tuple[str, ...] = ()
    """Ids of evidence whose origin was asked for."""
    pictures: tuple[Path, ...] = ()
    """Overlays that were drawn for it."""
    tokens: int = 0
    cost: float = 0.0

    @property
    def understood(self) -> bool:
        """Whether the question was one that the program can do something with."""
        return all(note.code != "not_understood" for note in self.notes)
