"""``reports``: the reports that readings give, against those that radiologists wrote."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from cxr_agent.evaluation.runs.model import Outcome
from cxr_agent.evaluation.runs.task import Answer, Case, Measure
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.over_films import OverFilms
from cxr_agent.evaluation.tasks.report_scores import (
    NORMAL,
    OTHERS,
    TEMPLATE,
    measures,
    scored,
    text_of,
)


def made(options: TaskOptions) -> Reports:
    """The task; see :class:`Reports`."""
    return Reports(options)


class Reports(OverFilms):
    """Every planner's reports, a template of normal findings, and another patient's report."""

    name = "reports"
    title = "Reports against those of radiologists"
    question = "How much of what a radiologist wrote does a reading say, and what beyond it?"
    limits = (
        "A radiologist knows the history and earlier films; a report says what that asked for.",
        "What the program says beyond the reference counts against it, though it may be there.",
        "Labels, graphs and errors are read by rule: they are of the type of CheXbert, RadGraph, "
        "GREEN, CheXprompt, RadFact and LunguageScore, and not their numbers "
        "(docs/report_metrics.md).",
    )

    def __init__(self, options: TaskOptions) -> None:
        super().__init__(
            options, models=("findings",), wanted=lambda film: bool(film.report), what="a report"
        )

    @property
    def systems(self) -> Sequence[str]:
        return (*self.planners, NORMAL, OTHERS)

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        reference = case.data.report
        if system == NORMAL:
            return Answer(scored(reference, TEMPLATE))
        if system == OTHERS:
            others = [one.report for one in self.films if one.patient != case.group]
            if not others:
                return Answer({})
            other = random.Random(f"{self.options.seed} {case.name}").choice(others)
            return Answer(scored(reference, other))
        reading = self.reader.read(system, [case.data.path], traces)
        return Answer(scored(reference, text_of(reading.report)), reading.trace)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        return measures(outcomes)
