"""A question of a benchmark, and how its options are shown."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeVar

from cxr_agent.evaluation.runs.task import Case
from cxr_agent.evaluation.suites.folder import MOST_OPTIONS, MOST_TEXT

LETTERS: Final = "ABCDEFGHIJ"[:MOST_OPTIONS]
_LAST: Final = ("all of the above", "none of the above", "both of the above", "all of these")
"""Options that speak of those above them: they stay at the end."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question; all of its text is data."""

    name: str
    """Unique in its suite."""
    group: str
    """The patient, or the case: such questions are drawn together in the bootstrap."""
    text: str
    answer: str
    """The right one, as the data set has it: one of the options where there are any."""
    options: tuple[str, ...] = ()
    """Empty for a question that is answered in words."""
    films: tuple[Path, ...] = ()
    context: str = ""
    """A text that the question is about: a note, a premise, the history of a case."""
    category: str = ""
    closed: bool | None = None
    """Whether the data set counts it among those with few possible answers; None where it has
    multiple choice alone."""
    listing: bool = False
    """The answer is a list or a text, which ROUGE-L is told of."""
    ordered: bool = False
    """The options are the same labels in every question of its category and are not shuffled."""

    @property
    def right(self) -> int:
        """Place of the right option."""
        return self.options.index(self.answer)

    def case(self) -> Case:
        """As a run takes it."""
        parts = [self.text, self.context, self.answer, *self.options]
        parts += [f"{film.name} {film.stat().st_size}" for film in self.films if film.is_file()]
        content = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        return Case(self.name, self.group, content, self)


@dataclass(frozen=True, slots=True)
class Suite:
    """The questions of a benchmark that this program can be asked."""

    questions: Sequence[Question]
    left_out: Mapping[str, int] = field(default_factory=dict)
    """How many were left out, by why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Options in the order in which they are put to a system."""

    options: tuple[str, ...]
    right: int
    """Place of the right one."""


def shown(question: Question, seed: int) -> Shown:
    """The options of a question, shuffled by seed and name: the same for every system."""
    if not question.options:
        return Shown((), 0)
    options = list(question.options)
    if not question.ordered:
        random.Random(f"{seed} {question.name}").shuffle(options)
        options.sort(key=lambda one: one.strip().rstrip(".").lower() in _LAST)
    return Shown(tuple(options), options.index(question.answer))


class Named(Protocol):
    """What has a name of its own in its data set."""

    @property
    def name(self) -> str: ...


_Named = TypeVar("_Named", bound=Named)


def limited(questions: Sequence[_Named], limit: int | None, seed: int) -> Sequence[_Named]:
    """So many questions, drawn by the seed, in the order of the suite."""
    if limit is None or limit >= len(questions):
        return questions
    names = sorted(question.name for question in questions)
    kept = set(random.Random(seed).sample(names, limit))
    return [question for question in questions if question.name in kept]


def cut(text: str) -> str:
    """A text of a data set, as long as it may be."""
    return text[:MOST_TEXT].strip()
