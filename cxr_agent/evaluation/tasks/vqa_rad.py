"""``cxr-agent eval vqa-rad``."""

from __future__ import annotations

from typing import Final

from cxr_agent.evaluation.suites.vqa_rad import read
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.questions import About, QuestionTask

ABOUT: Final = About(
    "vqa-rad",
    "VQA-RAD, chest",
    "Does it answer clinicians' questions about chest films, closed and open ones?",
    (
        "Which pictures of the chest are films, unless chest_films.txt says it: slices of a CT are "
        "refused, and so not answered.",
        "Whether an open answer in other words is right: exact match and token F1 compare words.",
    ),
)


def made(options: TaskOptions) -> QuestionTask:
    """The task, as the command line asks for it."""
    return QuestionTask(ABOUT, read, options)
