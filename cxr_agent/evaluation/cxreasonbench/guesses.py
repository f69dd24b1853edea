"""Answers to the benchmark's questions without a film: what it gives away, and what luck gives."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_agent.evaluation.cxreasonbench.files import Question
from cxr_agent.evaluation.cxreasonbench.options import Option, final_answer, options_of, unknown

Pick = Callable[[str, Sequence[Option]], Option]


@dataclass(frozen=True, slots=True)
class Guesser:
    """Takes one option of every question."""

    pick: Pick

    def finding(self, question: str) -> str:
        options = options_of(question)
        return final_answer([self.pick(question, options)] if options else [])

    def criterion(self, question: str) -> str:
        return self.finding(question)

    def refined_criterion(self, question: str) -> str:
        return self.finding(question)

    def body_part(self, question: str, pictures: Sequence[NDArray[np.uint8]]) -> str:
        return self.finding(question)

    def value(self, question: str) -> str:
        return self.finding(question)

    def final(self, question: str) -> str:
        return self.finding(question)


def at_random(seed: int) -> Callable[[str, str, Question | None], Guesser]:
    """Gives who takes any option, by seed and case."""

    def respond(task: str, case: str, first: Question | None) -> Guesser:
        draw = random.Random(f"{seed} {task} {case}")
        return Guesser(lambda _, options: draw.choice(options))

    return respond


def by_words(task: str, case: str, first: Question | None) -> Guesser:
    """Who takes the option that has most words of the question, among equals the longest, the
    first; and never says that it does not know."""
    return Guesser(_nearest)


def _nearest(question: str, options: Sequence[Option]) -> Option:
    known = _words(question.partition("(a)")[0])
    named = [one for one in options if one is not unknown(options)] or list(options)
    return max(named, key=lambda one: (len(_words(one.text) & known), len(one.text)))


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]{3,}", text.lower()))
