"""Answers that never look at a film: what a benchmark gives away by its words alone."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence

from cxr_agent.evaluation.suites.question import Question, Shown

_YES_NO = re.compile(r"^(?:is|are|does|do|did|was|were|has|have|can|could)\b", re.I)


def by_words(question: Question, options: Shown) -> int:
    """The option that has most words of the question and its context.

    Among equals the longer one, since right options tend to be written with more care; then the one
    that stands first.
    """
    known = _words(f"{question.text} {question.context}")
    return max(
        range(len(options.options)),
        key=lambda place: (
            len(_words(options.options[place]) & known),
            len(options.options[place]),
            -place,
        ),
    )


def in_words(question: Question) -> str | None:
    """Yes to what can be answered so, and nothing to anything else."""
    return "yes" if _YES_NO.match(question.text.strip()) else None


def at_random(question: Question, options: Shown, seed: int) -> int:
    """Any option, each as likely; the draw hangs on the seed and the question's name."""
    return random.Random(f"random {seed} {question.name}").randrange(len(options.options))


def most_frequent(questions: Sequence[Question]) -> dict[bool, str]:
    """Of closed and of open questions in words, the answer that most of them have."""
    found: dict[bool, str] = {}
    for closed in (True, False):
        answers = Counter(
            one.answer.strip().lower()
            for one in questions
            if not one.options and bool(one.closed) is closed
        )
        if answers:
            found[closed] = max(sorted(answers), key=answers.__getitem__)
    return found


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]{3,}", text.lower()))
