"""``cxr-agent eval chestagentbench``."""

from __future__ import annotations

from typing import Final

from cxr_agent.evaluation.suites.chestagentbench import read
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.questions import About, QuestionTask

ABOUT: Final = About(
    "chestagentbench",
    "ChestAgentBench",
    "Does it choose the right answer to questions on cases of Eurorad with chest radiographs?",
    (
        "How it does on cases with other examinations: such questions are left out.",
        "Whether a question can be answered without its film: compare with question-only or "
        "no-tools.",
    ),
)


def made(options: TaskOptions) -> QuestionTask:
    """The task, as the command line asks for it."""
    return QuestionTask(ABOUT, read, options)
