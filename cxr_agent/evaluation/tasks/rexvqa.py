"""``cxr-agent eval rexvqa``."""

from __future__ import annotations

from typing import Final

from cxr_agent.evaluation.suites.rexvqa import read
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.questions import About, QuestionTask

ABOUT: Final = About(
    "rexvqa",
    "ReXVQA",
    "Does it choose the right answer to questions that were made from the reports of the films?",
    ("Whether the report that a question was made from is right.",),
)


def made(options: TaskOptions) -> QuestionTask:
    """The task, as the command line asks for it."""
    return QuestionTask(ABOUT, read, options)
