"""``cxr-agent eval slake``."""

from __future__ import annotations

from typing import Final

from cxr_agent.evaluation.suites.slake import read
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.questions import About, QuestionTask

ABOUT: Final = About(
    "slake",
    "SLAKE, chest radiographs",
    "Does it answer questions about chest radiographs, closed and open ones?",
    ("Whether an open answer in other words is right: exact match and token F1 compare words.",),
)


def made(options: TaskOptions) -> QuestionTask:
    """The task, as the command line asks for it."""
    return QuestionTask(ABOUT, read, options)
