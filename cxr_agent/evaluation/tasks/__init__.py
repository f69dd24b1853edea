"""The tasks of ``cxr-agent eval``, by name; a task's module is imported when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_agent.errors import UsageError

if TYPE_CHECKING:
    from cxr_agent.evaluation.runs.task import Task

TASKS: Final[dict[str, str]] = {
    "chestagentbench": "chestagentbench",
    "chexgenbench": "chexgenbench",
    "comparison": "comparison",
    "consistency": "consistency",
    "cost": "cost",
    "ctr": "ctr",
    "cxreasonbench": "cxreasonbench",
    "drbench": "drbench",
    "explanations": "explanations",
    "faithfulness": "faithfulness",
    "imagenome": "imagenome",
    "labels": "labels",
    "localisation": "localisation",
    "measurements": "measurements",
    "ms-cxr": "ms_cxr",
    "planners": "comparing_planners",
    "reports": "reports",
    "retrieval": "retrieval",
    "rexvqa": "rexvqa",
    "robustness": "robustness",
    "segmentation": "segmentation",
    "slake": "slake",
    "structuring": "structuring",
    "texts": "texts",
    "vqa-rad": "vqa_rad",
}
"""Module of each task, below this package; it has a function ``made(options) -> Task``."""


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """What the command line can say to a task."""

    data: Path
    """Folder or file of the data set."""
    films: Path | None = None
    """Folder of the films, where the data set names them and does not hold them."""
    planner: str = "protocol"
    """``protocol``, ``scripted:FILE``, or ``llm``, which takes ``model``."""
    model: str | None = None
    api_base: str | None = None
    config: Path | None = None
    device: str = "auto"
    limit: int | None = None
    """Of cases, the first ones of a seeded order."""
    seed: int = 0
    send_images: bool = False
    """Whether a language model that takes pictures may be shown the films."""


def task_named(name: str, options: TaskOptions) -> Task:
    """The task, ready to run.

    Raises
    ------
    UsageError
        ``unknown_task``, and what the task makes of its options.
    """
    if name not in TASKS:
        raise UsageError(
            "unknown_task",
            f"there is no task {name[:40]!r}",
            hint=f"One of: {', '.join(sorted(TASKS))}.",
        )
    module = import_module(f"{__name__}.{TASKS[name]}")
    task: Task = module.made(options)
    return task
