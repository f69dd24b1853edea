"""``cxr-agent eval drbench``."""

from __future__ import annotations

from typing import Final

from cxr_agent.evaluation.suites.drbench import read
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.questions import About, QuestionTask

ABOUT: Final = About(
    "drbench",
    "DR.BENCH",
    "Does it reason about clinical text: entailment, plans, records, knowledge, lists, notes?",
    (
        "Anything about films: the tasks are text alone, and no tool of this program bears on "
        "them. With a model it is the model that is judged, under this program's closed form of "
        "an answer; without one the rules that read reports answer what they can.",
    ),
)


def made(options: TaskOptions) -> QuestionTask:
    """The task, as the command line asks for it."""
    return QuestionTask(ABOUT, read, options)
