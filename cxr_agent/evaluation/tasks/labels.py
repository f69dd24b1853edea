"""``labels``: findings against the labels of a set."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from pydantic import JsonValue

from cxr_agent.evaluation.films import Film
from cxr_agent.evaluation.metrics.calibration import Reliability, reliability
from cxr_agent.evaluation.metrics.classification import Counts, auroc, average_precision, counts
from cxr_agent.evaluation.metrics.diagram import reliability_plot
from cxr_agent.evaluation.runs.model import Better, Outcome, Plot
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, Statistic, share_of
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.film_task import FilmTask, OthersMean, chosen, current, has, numbers
from cxr_agent.evaluation.tasks.reader import Reading
from cxr_agent.evidence import EvidenceKind, Polarity
from cxr_agent.knowledge import vocabulary
from cxr_agent.report.compose import overruled

PREVALENCE: Final = "prevalence"
CHANCE: Final = "chance"
_STRENGTH: Final = (Polarity.ABSENT, Polarity.UNCERTAIN, Polarity.PRESENT)
_NOBODY: Final = "no_finding"
"""Labelled by sets and stated by no tool: it is the absence of all others."""


def made(options: TaskOptions) -> LabelsTask:
    """The task; raises as :func:`~cxr_agent.evaluation.tasks.film_task.chosen`."""

    def labelled(film: Film) -> bool:
        return any(told is not None for code, told in film.labels.items() if code != _NOBODY)

    return LabelsTask(
        options, chosen(options, ("findings", "anatomy"), "a label of a finding", labelled)
    )


@dataclass(slots=True, eq=False)
class LabelsTask(FilmTask):
    """A case is a labelled film.

    Outcomes hold ``truth.CODE`` for each finding that is labelled, and of what was judged
    ``said.CODE`` (absent, uncertain, present) and ``p.CODE``, the highest probability stated.
    """

    _shares: dict[str, OthersMean] = field(init=False)
    name: ClassVar[str] = "labels"
    title: ClassVar[str] = "Findings"
    question: ClassVar[str] = (
        "How well are findings told from their absence, at the program's own limits and over all "
        "limits, and do its probabilities mean what they say?"
    )
    baselines: ClassVar[tuple[str, ...]] = (PREVALENCE, CHANCE)

    def __post_init__(self) -> None:
        FilmTask.__post_init__(self)
        told: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for film in self.chosen.films:
            for code, yes in film.labels.items():
                if yes is not None:
                    told[code].append((film.patient, yes))
        self._shares = {code: OthersMean(some) for code, some in told.items()}

    @property
    def unknown(self) -> Sequence[str]:
        film_set = self.chosen.film_set
        return (
            *self.chosen.notes,
            f"Labels are those of {film_set.name} ({film_set.source}): where they are wrong, so "
            "are these figures.",
            "Labels that are uncertain or missing are in no figure, and a finding that the "
            "program does not judge is in none but `films judged`.",
            "Sensitivity, specificity and F1 take `present` for yes, `uncertain` and `absent` for "
            "no; areas under curves and calibration take the probability, which what is measured "
            "has none of.",
            "Probabilities were calibrated for the share of findings in the training films; where "
            "findings are rarer or more frequent they are off, and these figures show by how much "
            "on these films alone.",
        )

    def truth_of(self, film: Film) -> object:
        return sorted(film.labels.items())

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        film: Film = case.data
        truths: dict[str, JsonValue] = {
            f"truth.{code}": told
            for code, told in sorted(film.labels.items())
            if told is not None and code != _NOBODY
        }
        if system == PREVALENCE:
            return Answer(truths | dict(self._prevalence(film)))
        if system == CHANCE:
            return Answer(truths | dict(self._chance(film)))
        reading = self.read(system, film, traces)
        return Answer(truths | judged(reading), reading.trace)

    def _prevalence(self, film: Film) -> Iterator[tuple[str, JsonValue]]:
        """What the other patients' films have on average, said of every film."""
        for code in film.labels:
            known = self._shares.get(code)
            share = known.without(film.patient) if known else None
            if share is not None:
                yield f"p.{code}", share
                yield f"said.{code}", Polarity.PRESENT if share > 0.5 else Polarity.ABSENT

    def _chance(self, film: Film) -> Iterator[tuple[str, JsonValue]]:
        """A number drawn for each finding."""
        for code in film.labels:
            key = f"{self.options.seed}/{film.name}/{code}".encode()
            share = int(hashlib.sha256(key).hexdigest()[:8], 16) / 16**8
            yield f"p.{code}", share
            yield f"said.{code}", Polarity.PRESENT if share > 0.5 else Polarity.ABSENT

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        planner = self.reader.systems[0]
        own = [one for one in outcomes if one.system == planner]
        codes = [code for code in self.chosen.film_set.findings if code != _NOBODY]
        found = [_films_judged(code) for code in codes if any(map(has(f"truth.{code}"), own))]
        for code in codes:
            on = frozenset(one.case for one in own if _was_judged(code, one))
            if on:
                found += _decisions(code, on)
            on = frozenset(one.case for one in own if has(f"truth.{code}", f"p.{code}")(one))
            if on:
                found += _probabilities(code, on)
        return found

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        planner = self.reader.systems[0]
        own = [one for one in outcomes if one.system == planner]
        curves = {
            vocabulary()[code].name: found
            for code in self.chosen.film_set.findings
            if (found := _reliability(code, own)) is not None
        }
        return [reliability_plot("Do probabilities mean what they say?", curves)] if curves else []


def judged(reading: Reading) -> dict[str, JsonValue]:
    """What was stated of each finding of the film.

    Of several statements those that a rule decided against are passed over, the strongest of the
    others counts, and the highest probability of all.
    """
    out = overruled(reading.report.evidence)
    said: dict[str, Polarity] = {}
    stated: dict[str, float] = {}
    for item in current(reading):
        if item.kind is not EvidenceKind.FINDING or item.polarity is None:
            continue
        if item.id not in out:
            said[item.code] = max(said.get(item.code, item.polarity), item.polarity, key=_place)
        if item.probability is not None:
            stated[item.code] = max(stated.get(item.code, 0.0), item.probability)
    return {
        **{f"said.{code}": str(polarity) for code, polarity in sorted(said.items())},
        **{f"p.{code}": value for code, value in sorted(stated.items())},
    }


def _place(polarity: Polarity) -> int:
    return _STRENGTH.index(polarity)


def _was_judged(code: str, outcome: Outcome) -> bool:
    return f"said.{code}" in outcome.values and has(f"truth.{code}")(outcome)


def _films_judged(code: str) -> Measure:
    """Of the films with a label, refused and failed ones, which have none here, left out."""
    return Measure(
        "films judged",
        share_of(lambda outcome: f"said.{code}" in outcome.values),
        about=vocabulary()[code].name,
        better="higher",
        counted=has(f"truth.{code}"),
    )


def _decisions(code: str, on: frozenset[str]) -> list[Measure]:
    """At the program's own limits, on the films that it judged."""

    def counted(outcome: Outcome) -> bool:
        return outcome.case in on and _was_judged(code, outcome)

    def of(what: Callable[[Counts], float | None]) -> Statistic:
        def statistic(outcomes: Sequence[Outcome]) -> float | None:
            truths = [bool(one.values[f"truth.{code}"]) for one in outcomes]
            yes = [one.values[f"said.{code}"] == Polarity.PRESENT for one in outcomes]
            return what(counts(truths, yes))

        return statistic

    return [
        Measure(name, of(what), vocabulary()[code].name, "", "higher", False, counted)
        for name, what in _DECISIONS
    ]


_DECISIONS: Final[tuple[tuple[str, Callable[[Counts], float | None]], ...]] = (
    ("F1", lambda found: found.f1),
    ("sensitivity", lambda found: found.sensitivity),
    ("specificity", lambda found: found.specificity),
    ("precision", lambda found: found.precision),
)


def _probabilities(code: str, on: frozenset[str]) -> list[Measure]:
    """Over all limits, and whether they mean what they say."""
    keys = (f"truth.{code}", f"p.{code}")

    def counted(outcome: Outcome) -> bool:
        return outcome.case in on and has(*keys)(outcome)

    def of(what: Callable[[list[bool], list[float]], float | None]) -> Statistic:
        def statistic(outcomes: Sequence[Outcome]) -> float | None:
            rows = numbers(outcomes, *keys)
            return what([row[0] > 0 for row in rows], [row[1] for row in rows]) if rows else None

        return statistic

    return [
        Measure(name, of(what), vocabulary()[code].name, "", better, False, counted)
        for name, what, better in _OF_PROBABILITIES
    ]


def _brier(truths: list[bool], stated: list[float]) -> float:
    return float(((np.asarray(stated) - np.asarray(truths, dtype=float)) ** 2).mean())


_OF_PROBABILITIES: Final[
    tuple[tuple[str, Callable[[list[bool], list[float]], float | None], Better], ...]
] = (
    ("AUC", auroc, "higher"),
    ("average precision", average_precision, "higher"),
    ("Brier score", _brier, "lower"),
    (
        "calibration error",
        lambda truths, stated: reliability(stated, truths).expected_error,
        "lower",
    ),
)


def _reliability(code: str, outcomes: Sequence[Outcome]) -> Reliability | None:
    rows = numbers(outcomes, f"truth.{code}", f"p.{code}")
    if not rows:
        return None
    return reliability([row[1] for row in rows], [row[0] > 0 for row in rows], binning="mass")
