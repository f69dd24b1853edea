"""A benchmark of questions as a task: what ChestAgentBench, ReXVQA, VQA-RAD, SLAKE and DR.BENCH
share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.runs.model import Outcome, Plot
from cxr_agent.evaluation.runs.task import Answer, Case, Measure
from cxr_agent.evaluation.suites.question import Question, Suite, limited, shown
from cxr_agent.evaluation.suites.question_scores import measures_of, plots_of, values_of
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.asking import Askers

_NOT_TOLD = (
    "Whether an answer was reached for the right reason: the trace of each question shows how.",
    "How a system does on the questions that were left out.",
)


@dataclass(frozen=True, slots=True)
class About:
    """What a benchmark is called and what it asks."""

    name: str
    title: str
    question: str
    unknown: tuple[str, ...] = ()


class QuestionTask:
    """Each question once to each system, with fresh state and options shuffled by the seed.

    Raises
    ------
    InputError
        As ``read``.
    UsageError
        ``nothing_to_evaluate``, and as :class:`~cxr_agent.evaluation.tasks.asking.Askers`.
    """

    def __init__(
        self, about: About, read: Callable[[Path, Path | None], Suite], options: TaskOptions
    ) -> None:
        self._about = about
        self._options = options
        self._suite = read(options.data, options.films)
        if not self._suite.questions:
            raise UsageError(
                "nothing_to_evaluate",
                "the data set has no question that this program can be asked",
                hint="docs/benchmarks.md says what is left out, and why.",
            )
        self._questions = limited(self._suite.questions, options.limit, options.seed)
        films = any(one.films for one in self._suite.questions)
        self._askers = Askers(options, self._suite.questions, films=films)

    @property
    def name(self) -> str:
        return self._about.name

    @property
    def title(self) -> str:
        return self._about.title

    @property
    def question(self) -> str:
        return self._about.question

    @property
    def unknown(self) -> Sequence[str]:
        left = [
            f"Left out: {count} questions ({why.replace('_', ' ')})."
            for why, count in sorted(self._suite.left_out.items())
        ]
        return (*self._about.unknown, *left, *_NOT_TOLD)

    @property
    def systems(self) -> Sequence[str]:
        return self._askers.systems

    @property
    def settings(self) -> Mapping[str, Any]:
        return {
            **self._askers.settings,
            "questions": len(self._suite.questions),
            "left_out": dict(sorted(self._suite.left_out.items())),
            "limit": self._options.limit,
        }

    def cases(self) -> Sequence[Case]:
        return [question.case() for question in self._questions]

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        question: Question = case.data
        options = shown(question, self._options.seed)
        reply = self._askers.ask(system, question, options, traces)
        values = values_of(question, options, reply)
        return Answer(values, reply.trace)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        return measures_of(outcomes)

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return plots_of(outcomes, self.systems)

    def close(self) -> None:
        self._askers.close()
