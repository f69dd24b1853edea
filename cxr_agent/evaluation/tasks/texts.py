"""``texts``: reports that somebody wrote, or a model, against their references.

``--data`` is a file of pairs: lines of JSON, or CSV, with ``id``, ``reference`` and ``candidate``.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.runs.model import Outcome, Plot
from cxr_agent.evaluation.runs.task import Answer, Case, Measure
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.report_scores import NORMAL, OTHERS, TEMPLATE, measures, scored
from cxr_agent.evaluation.texts import ReportPair, read_pairs

CANDIDATE: Final = "candidate"


def made(options: TaskOptions) -> Texts:
    """The task; see :class:`Texts`."""
    return Texts(options)


class Texts:
    """The candidates, beside a template of normal findings and the report of another patient."""

    name = "texts"
    title = "Report texts against references"
    question = "How much of the reference do the candidates say, and how much that it does not say?"
    unknown = (
        "Whether the references are right, and whether a radiologist would mind the differences.",
        "Labels, graphs and errors are read by rule: they are of the type of CheXbert, RadGraph, "
        "GREEN, CheXprompt, RadFact and LunguageScore, and not their numbers "
        "(docs/report_metrics.md).",
    )
    systems: Sequence[str] = (CANDIDATE, NORMAL, OTHERS)

    def __init__(self, options: TaskOptions) -> None:
        pairs = read_pairs(options.data)
        if not pairs:
            raise UsageError(
                "nothing_to_evaluate", "the file holds no pair of reports", hint="See --data."
            )
        if len({pair.id for pair in pairs}) < len(pairs):
            raise UsageError(
                "ids_twice", "two pairs of the file have one id", hint="Number the pairs anew."
            )
        self.options = options
        self._every = pairs
        self._pairs = pairs
        if options.limit is not None and options.limit < len(pairs):
            self._pairs = random.Random(options.seed).sample(pairs, options.limit)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {
            "data": self.options.data.name,
            "limit": self.options.limit,
            "seed": self.options.seed,
        }

    def cases(self) -> Sequence[Case]:
        return [Case(pair.id, pair.patient or pair.id, _digest(pair), pair) for pair in self._pairs]

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        pair: ReportPair = case.data
        if system == CANDIDATE:
            return Answer(scored(pair.reference, pair.candidate))
        if system == NORMAL:
            return Answer(scored(pair.reference, TEMPLATE))
        others = [one for one in self._every if (one.patient or one.id) != case.group]
        if not others:
            return Answer({})
        other = random.Random(f"{self.options.seed} {case.name}").choice(others)
        return Answer(scored(pair.reference, other.reference))

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        return measures(outcomes)

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return ()

    def close(self) -> None:
        """It holds nothing."""


def _digest(pair: ReportPair) -> str:
    return hashlib.sha256(f"{pair.reference}\0{pair.candidate}".encode()).hexdigest()
