"""``robustness``: what is said of a film as it gets worse, up to one that nobody should read.

Refusals, doubt and wrong answers are told apart at every strength: see
:mod:`cxr_agent.evaluation.consistency.robustness`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from cxr_agent.evaluation.consistency.perturbations import (
    FAMILIES,
    Family,
    Perturbation,
    perturbations,
)
from cxr_agent.evaluation.consistency.readings import FilmReading, FindingState
from cxr_agent.evaluation.consistency.robustness import Fate, Verdict, fate, verdict
from cxr_agent.evaluation.runs.model import Better, Outcome, Plot, Series, Status
from cxr_agent.evaluation.runs.task import Measure, Statistic, Tally, ratio_of
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.compared import Compared
from cxr_agent.evaluation.tasks.perturbed import (
    Perturbed,
    original,
    perturbed,
    truth,
)

_FATES: Final[tuple[tuple[Fate, Better], ...]] = (
    (Fate.SAME, "higher"),
    (Fate.HEDGED, "neither"),
    (Fate.WITHHELD, "neither"),
    (Fate.CONTRADICTED, "lower"),
)
_VERDICTS: Final[tuple[tuple[Verdict, Better], ...]] = (
    (Verdict.RIGHT, "higher"),
    (Verdict.WRONG, "lower"),
    (Verdict.UNDECIDED, "neither"),
    (Verdict.REFUSED, "neither"),
)


def made(options: TaskOptions) -> RobustnessTask:
    """The task; see :class:`RobustnessTask`."""
    return RobustnessTask(options)


class RobustnessTask(Perturbed):
    """Each film after every change at every strength: some 55 readings of a film."""

    name = "robustness"
    title = "Robustness"
    question = (
        "As a film gets darker, coarser, noisier, turned or cut, is it refused or left undecided, "
        "or is the opposite said of it?"
    )
    limits = (
        "Which strength is met in practice: each family's are told, and go beyond it.",
        "What a change of several kinds at once does.",
        "Where truth is not known, a statement that changed may have been wrong before.",
    )

    def __init__(self, options: TaskOptions) -> None:
        super().__init__(options, perturbations())

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        done = [one for one in outcomes if one.status is Status.DONE]
        if not done:
            return ()
        compared = Compared(done)
        told = any(truth(one) for one in done)
        return [
            measure
            for step in perturbations()
            for measure in (*_fates(compared, step), *(_verdicts(step) if told else ()))
        ] + (list(_verdicts(None)) if told else [])

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        done = [one for one in outcomes if one.status is Status.DONE]
        if not done:
            return ()
        first = [one for one in done if one.system == done[0].system]
        compared = Compared(first)
        return [
            Plot(
                title=title,
                x_label="strength, from the film as it is (0) to the worst (4)",
                y_label="share of statements",
                series=tuple(
                    _series(family, compared, one) for family in FAMILIES if family.readable
                ),
            )
            for one, title in (
                (Fate.CONTRADICTED, "The opposite is said"),
                (Fate.WITHHELD, "Nothing is said any more"),
                (Fate.SAME, "The same is said"),
            )
        ]


def _series(family: Family, compared: Compared, wanted: Fate) -> Series:
    levels = range(1, len(family.strengths) + 1)
    shares = [
        compared.statements(partial(_is, wanted), perturbation=Perturbation(family, level).name)
        for level in levels
    ]
    points = [(0.0, 1.0 if wanted is Fate.SAME else 0.0)]
    points += [
        (float(level), value)
        for level, share in zip(levels, shares, strict=True)
        if (value := share(compared.outcomes)) is not None
    ]
    across, up = zip(*points, strict=True)
    return Series(name=family.name, x=across, y=up)


def _is(wanted: Fate, before: FindingState, after: FindingState) -> bool:
    return fate(before, after) is wanted


def _fates(compared: Compared, step: Perturbation) -> Iterator[Measure]:
    about = _about(step)
    for one, better in _FATES:
        counted = partial(_is, one)
        yield Measure(
            f"statements {one}",
            compared.statements(counted, perturbation=step.name),
            about,
            "share",
            better if step.family.readable else "neither",
        )
    yield Measure("film refused", compared.refused(step.name), about, "share")


def _verdicts(step: Perturbation | None) -> Iterator[Measure]:
    for one, better in _VERDICTS:
        yield Measure(
            f"against the truth: {one}",
            _against_truth(one, None if step is None else step.name),
            "the film as it is" if step is None else _about(step),
            "share",
            better,
        )


def _against_truth(wanted: Verdict, step: str | None) -> Statistic:
    def tally(outcome: Outcome) -> Tally:
        reading: FilmReading | None
        reading = original(outcome) if step is None else perturbed(outcome).get(step)
        if reading is None:
            return 0, 0
        known = [
            verdict(reading.state(name), there)
            for name, there in truth(outcome).items()
            if name in original(outcome).states
        ]
        return sum(one is wanted for one in known), len(known)

    return ratio_of(tally)


def _about(step: Perturbation) -> str:
    return f"{step.family.name.replace('_', ' ')} {step.strength:.3g}"
