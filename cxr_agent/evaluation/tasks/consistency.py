"""``consistency``: the same film, stored, shown or placed otherwise, and what is said of it then.

After ICON (Hou et al., EMNLP Findings 2024); see :mod:`cxr_agent.evaluation.consistency`. Only
changes that films meet on their way, at their two mildest strengths; ``robustness`` takes all.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from cxr_agent.chat import Chat
from cxr_agent.evaluation.consistency.paraphrases import (
    indications_understood,
    questions_answered,
    questions_understood,
)
from cxr_agent.evaluation.consistency.perturbations import perturbations
from cxr_agent.evaluation.consistency.readings import FindingState
from cxr_agent.evaluation.consistency.robustness import Fate, fate
from cxr_agent.evaluation.films import Film
from cxr_agent.evaluation.metrics.shares import Share
from cxr_agent.evaluation.runs.model import Better, Outcome, Status
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, Tally, ratio_of
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.compared import Compared, Counted
from cxr_agent.evaluation.tasks.perturbed import Perturbed
from cxr_agent.knowledge import thresholds_changed
from cxr_agent.reading.run import Run
from cxr_agent.trace import TraceWriter

LEVELS: Final = 2
QUESTIONS: Final = "questions"


def made(options: TaskOptions) -> ConsistencyTask:
    """The task; see :class:`ConsistencyTask`."""
    return ConsistencyTask(options)


class ConsistencyTask(Perturbed):
    """Each film in some 25 other files, and each question in other words."""

    name = "consistency"
    title = "Consistency"
    question = (
        "Is the same said of a film that was re-exposed, re-windowed, compressed, blurred, turned "
        "or moved a little, and to the same question in other words?"
    )

    def __init__(self, options: TaskOptions) -> None:
        super().__init__(options, perturbations(LEVELS, readable=True))

    @property
    def limits(self) -> Sequence[str]:
        asked = indications_understood().pairs
        understood = questions_understood().pairs
        return (
            "Whether what is said both times is right: a reader may be wrong twice.",
            "How films of other detectors differ: these changes are made to one film.",
            "How people ask: the wordings were written by us. "
            f"Whatever the film, {understood.count} of {understood.of} pairs of wordings of a "
            f"question, and {asked.count} of {asked.of} of an indication, are understood alike.",
        )

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        found = super().answer(system, case, traces)
        pairs, trace = self._questions(system, case.data, traces)
        return Answer({**found.values, QUESTIONS: [pairs.count, pairs.of]}, trace)

    def _questions(self, system: str, film: Film, traces: Path) -> tuple[Share, str]:
        """Pairs of wordings that got the same answer, and the trace of reading and answers."""
        agent = self.reader.agent(system)
        study = agent.load(film.path)
        # Not after the case: a kill may have left a reading of that name.
        name = f"questions-{secrets.token_hex(6)}"
        with (
            TraceWriter.create(traces, name, sync_at_end=True) as trace,
            thresholds_changed(agent.setup.changed),
        ):
            run = Run(study, agent.setup, trace)
            run.start()
            run.read()
            run.issue()
            found = questions_answered(lambda text: Chat(run).ask(text).sentences)
            run.finish()
        return found.pairs, name

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        done = [one for one in outcomes if one.status is Status.DONE]
        if not done:
            return ()
        compared = Compared(done)
        return [
            *_of_findings(compared),
            *_of_values(compared),
            *_of_perturbations(compared),
            Measure(
                "pairs of wordings with the same answer",
                ratio_of(_asked),
                unit="share",
                better="higher",
            ),
        ]


def _same(before: FindingState, after: FindingState) -> bool:
    return before is after


def _contradicted(before: FindingState, after: FindingState) -> bool:
    return fate(before, after) is Fate.CONTRADICTED


def _withheld(before: FindingState, after: FindingState) -> bool:
    return after is FindingState.REFUSED


_COUNTS: Final[tuple[tuple[str, Counted, Better], ...]] = (
    ("same statement", _same, "higher"),
    ("contradicted", _contradicted, "lower"),
    ("withheld", _withheld, "neither"),
)


def _asked(outcome: Outcome) -> Tally:
    pairs = outcome.values[QUESTIONS]
    assert isinstance(pairs, list)
    same, of = pairs
    return float(str(same)), float(str(of))


def _of_findings(compared: Compared) -> Iterator[Measure]:
    yield Measure("same statement", compared.statements(_same), unit="share", better="higher")
    for name in compared.findings:
        about = name.replace("_", " ")
        for title, count, better in _COUNTS:
            yield Measure(title, compared.statements(count, name), about, "share", better)
        yield Measure("kappa", compared.kappa(name), about, "", "higher")
        yield Measure("change of probability", compared.change(name), about, "", "lower")


def _of_values(compared: Compared) -> Iterator[Measure]:
    for name in compared.measurements:
        about = name.replace("_", " ")
        yield Measure("change of value", compared.moved(name), about, "", "lower")
        yield Measure("change over half the interval", compared.in_widths(name), about, "", "lower")
        yield Measure("within the interval", compared.inside(name), about, "share", "higher")


def _of_perturbations(compared: Compared) -> Iterator[Measure]:
    for name in compared.perturbations:
        about = name.replace("_", " ").replace(":", ", strength ")
        yield Measure(
            "same statement",
            compared.statements(_same, perturbation=name),
            about,
            "share",
            "higher",
        )
        yield Measure("film refused", compared.refused(name), about, "share", "lower")
