"""``cxr-agent eval cxreasonbench``: structured reasoning, stage by stage, answered from evidence.

The answers are kept below ``traces`` of the run's folder as the benchmark's own code keeps them, so
that its evaluation can be run on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.cxreasonbench.files import BenchmarkFolder
from cxr_agent.evaluation.cxreasonbench.guesses import at_random, by_words
from cxr_agent.evaluation.cxreasonbench.look import ByEvidence, Looker
from cxr_agent.evaluation.cxreasonbench.rules import rules
from cxr_agent.evaluation.cxreasonbench.runner import Runner
from cxr_agent.evaluation.cxreasonbench.scores import CaseScore, TaskScore, score
from cxr_agent.evaluation.runs.model import Outcome, Plot, Status
from cxr_agent.evaluation.runs.task import Answer, Case, Measure
from cxr_agent.evaluation.suites.question import limited
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.asking import PROGRAM, QUESTION_ONLY, RANDOM
from cxr_agent.evaluation.tasks.reader import FilmReader
from cxr_agent.measuring import Measurer

MASKS: Final = "masks"
"""Folder of the data set with a folder of outlines per film, named after its file."""
_ALL: Final = "all"
_PATHS: Final = ("reasoning", "guidance")
_SCORES: Final[Mapping[str, Callable[[TaskScore], float | None]]] = {
    "first answer": lambda one: one.first_right,
    "completion": lambda one: one.completion,
    "depth": lambda one: one.depth,
    "consistency": lambda one: one.consistency,
    "alignment": lambda one: one.alignment,
    "refined completion": lambda one: one.refined_completion,
    "unknown": lambda one: one.unknown / one.cases if one.cases else None,
}


class StructuredReasoning:
    """No language model takes part: each stage is answered from evidence, or by "I don't know".

    Raises
    ------
    InputError
        ``not_a_benchmark``.
    UsageError
        ``no_films``, ``nothing_to_evaluate``.
    """

    name = "cxreasonbench"
    title = "CXReasonBench"
    question = "Does it reach a structured diagnosis by the right steps?"
    unknown = (
        "How a language model does: the answers are by rule, from what is measured.",
        "Proportions are adjusted Wilson scores, as the benchmark computes them: of few cases they "
        "are low whatever was answered.",
    )
    systems = (PROGRAM, QUESTION_ONLY, RANDOM)

    def __init__(self, options: TaskOptions) -> None:
        if options.films is None:
            raise UsageError(
                "no_films",
                "the questions name films, and no folder of films is given",
                hint="Give the folder of MIMIC-CXR-JPG that img_path starts in with --films.",
            )
        self._options = options
        self._folder = BenchmarkFolder(options.data)
        self._measurer = Measurer(device=options.device, config=options.config)
        masks = options.data / MASKS
        look = Looker(self._measurer, masks if masks.is_dir() else None)
        self._runners = {
            PROGRAM: Runner(self._folder, ByEvidence(options.films, look), PROGRAM),
            QUESTION_ONLY: Runner(self._folder, by_words, QUESTION_ONLY),
            RANDOM: Runner(self._folder, at_random(options.seed), RANDOM),
        }
        cases = [
            Case(f"{task} {case}", case, data=(task, case))
            for task, names in self._folder.cases.items()
            if task in rules()
            for case in names
        ]
        if not cases:
            raise UsageError(
                "nothing_to_evaluate", "the benchmark lists no case", hint="docs/benchmarks.md"
            )
        self._cases = limited(cases, options.limit, options.seed)

    @property
    def settings(self) -> Mapping[str, Any]:
        shared = FilmReader(self._options).settings
        return {
            **{name: shared[name] for name in ("config", "weights", "seed")},
            "masks": (self._options.data / MASKS).is_dir(),
            "limit": self._options.limit,
        }

    def cases(self) -> Sequence[Case]:
        return self._cases

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        task, name = case.data
        found = self._runners[system].answer(task, name, traces)
        guidance = None if found.guidance is None else _kept(found.guidance)
        return Answer({"task": task, "reasoning": _kept(found.reasoning), "guidance": guidance})

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        done = [one for one in outcomes if one.status is Status.DONE]
        tasks = [_ALL, *sorted({str(one.values["task"]) for one in done})]
        return [
            Measure(
                name,
                _statistic(path, value),
                f"{path}, {task}",
                better="neither" if name == "unknown" else "higher",
                counted=_counted(path, task),
            )
            for path in _PATHS
            for task in tasks
            for name, value in _SCORES.items()
        ]

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return ()

    def close(self) -> None:
        self._measurer.close()


def made(options: TaskOptions) -> StructuredReasoning:
    """The task, as the command line asks for it."""
    return StructuredReasoning(options)


def _kept(one: CaseScore) -> dict[str, Any]:
    return {**asdict(one), "passed": dict(one.passed)}


def _statistic(
    path: str, value: Callable[[TaskScore], float | None]
) -> Callable[[Sequence[Outcome]], float | None]:
    def statistic(outcomes: Sequence[Outcome]) -> float | None:
        kept: list[Any] = [one.values[path] for one in outcomes]
        return value(score(CaseScore(**one) for one in kept))

    return statistic


def _counted(path: str, task: str) -> Callable[[Outcome], bool]:
    return lambda one: (
        one.values.get(path) is not None and task in (_ALL, str(one.values.get("task")))
    )
