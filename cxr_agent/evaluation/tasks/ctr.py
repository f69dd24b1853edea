"""``ctr``: the cardiothoracic ratio against readers'."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from pydantic import JsonValue

from cxr_agent.evaluation.films import Film, films_of
from cxr_agent.evaluation.metrics.agreement import Agreement, agreement, covered
from cxr_agent.evaluation.metrics.classification import Counts, counts
from cxr_agent.evaluation.runs.model import Better, Outcome, Plot, Series
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, Statistic, share_of
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.film_task import FilmTask, OthersMean, chosen, current, has, numbers
from cxr_agent.evaluation.tasks.reader import Reading
from cxr_agent.evidence import EvidenceKind
from cxr_agent.measure.extent import extent

MEAN: Final = "mean of the set"
READERS: Final = "readers"
OUTLINES: Final = "readers' outlines"
_CODE: Final = "cardiothoracic_ratio"
_ENLARGED: Final = 0.5
"""``ctr_pa`` of kb/thresholds.toml, for all films alike: it compares two numbers and diagnoses
nothing."""
_NEAR: Final = (0.02, 0.05)
_ERRORS: Final = tuple(round(0.005 * step, 3) for step in range(21))


def ratio_of_masks(film: Film) -> float | None:
    """The ratio on the outlines of a reader: width of the heart over that of both lungs together.

    None where one of them was not drawn. Raises InputError ``bad_mask``.
    """
    masks = film.masks() if film.masks is not None else {}
    if not {"heart", "right_lung", "left_lung"} <= set(masks):
        return None
    heart = extent(masks["heart"])
    lungs = extent(masks["right_lung"] | masks["left_lung"])
    return heart.width / lungs.width if heart and lungs else None


def made(options: TaskOptions) -> CtrTask:
    """The task; raises as :func:`~cxr_agent.evaluation.tasks.film_task.chosen`."""
    films = films_of(options.data, options.films).films
    read = {film.name: film.ctr for film in films if film.ctr is not None}
    source = READERS if read else OUTLINES
    truths = read or {
        film.name: value for film in films if (value := ratio_of_masks(film)) is not None
    }
    what = "a cardiothoracic ratio, and none has outlines of heart and lungs"
    films_chosen = chosen(options, ("anatomy",), what, lambda film: film.name in truths)
    return CtrTask(options, films_chosen, truths=truths, source=source)


@dataclass(slots=True, eq=False)
class CtrTask(FilmTask):
    """A case is a film with a ratio; outcomes hold ``truth``, ``ctr``, ``low``, ``high``."""

    truths: Mapping[str, float] = field(default_factory=dict)
    """By name of the film."""
    source: str = READERS
    _means: OthersMean = field(init=False)
    name: ClassVar[str] = "ctr"
    title: ClassVar[str] = "Cardiothoracic ratio"
    question: ClassVar[str] = (
        "How far is the measured cardiothoracic ratio from the readers', and does its 90 % "
        "interval hold theirs?"
    )
    baselines: ClassVar[tuple[str, ...]] = (MEAN,)

    def __post_init__(self) -> None:
        FilmTask.__post_init__(self)
        self._means = OthersMean((o.patient, self.truths[o.name]) for o in self.chosen.films)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {**self.settings_of_readings, "reference": self.source}

    @property
    def unknown(self) -> Sequence[str]:
        reference = (
            "The reference is one number of readers for each film: how far readers differ among "
            "themselves is not in it."
            if self.source == READERS
            else "The reference is measured on readers' outlines by the program's own definition: "
            "an error of the definition itself cannot show."
        )
        return (
            *self.chosen.notes,
            reference,
            "Films on which nothing was measured are in no error and no interval; the share that "
            "was measured stands beside them.",
            f"The films are of {self.chosen.film_set.name} alone: other hospitals, projections and "
            "patients may fare otherwise.",
        )

    def truth_of(self, film: Film) -> object:
        return self.truths[film.name]

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        film: Film = case.data
        truth = self.truths[film.name]
        if system == MEAN:
            return Answer({"truth": truth, "ctr": self._means.without(film.patient)})
        reading = self.read(system, film, traces)
        return Answer({"truth": truth, **_measured(reading)}, reading.trace)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        planner = self.reader.systems[0]
        on = {one.case for one in outcomes if one.system == planner and has("ctr")(one)}

        def counted(outcome: Outcome) -> bool:
            # A baseline is judged on the films that were measured: not on easier or harder ones.
            return outcome.case in on and has("ctr", "truth")(outcome)

        def told(outcome: Outcome) -> bool:
            return counted(outcome) and has("low", "high")(outcome)

        return [
            Measure("films measured", share_of(has("ctr")), better="higher", of_all=True),
            *(
                Measure(name, _of(attribute), better=better, counted=counted)
                for name, attribute, better in _AGREEMENT
            ),
            *(
                Measure("share within", _within(limit), f"{limit:g}", "", "higher", False, counted)
                for limit in _NEAR
            ),
            Measure("coverage of the 90 % interval", _coverage, counted=told),
            Measure("width of the 90 % interval", _width, better="lower", counted=told),
            *(
                Measure(name, _of_counts(of), "ratio above 0.5", "", "higher", False, counted)
                for name, of in _DECISIONS
            ),
        ]

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        lines = []
        for system in self.systems:
            rows = numbers([one for one in outcomes if one.system == system], "ctr", "truth")
            errors = np.abs([found - true for found, true in rows])
            if errors.size:
                shares = tuple(float((errors <= limit).mean()) for limit in _ERRORS)
                lines.append(Series(name=system, x=_ERRORS, y=shares))
        return [
            Plot(
                title="Share of films within an error",
                x_label="absolute error of the ratio",
                y_label="share of the films measured",
                series=tuple(lines),
            )
        ]


_AGREEMENT: Final[tuple[tuple[str, str, Better], ...]] = (
    ("mean absolute error", "mean_absolute_error", "lower"),
    ("median absolute error", "median_absolute_error", "lower"),
    ("bias", "bias", "neither"),
    ("lower limit of agreement", "lower_limit", "neither"),
    ("upper limit of agreement", "upper_limit", "neither"),
    ("concordance", "concordance", "higher"),
)
_DECISIONS: Final[tuple[tuple[str, Callable[[Counts], float | None]], ...]] = (
    ("sensitivity", lambda found: found.sensitivity),
    ("specificity", lambda found: found.specificity),
)


def _measured(reading: Reading) -> dict[str, JsonValue]:
    """What the reading measured, or why it did not."""
    reasons: list[str] = []
    for item in current(reading):
        if item.code != _CODE:
            continue
        if item.kind is EvidenceKind.MEASUREMENT and item.value is not None:
            low, high = item.interval or (None, None)
            return {"ctr": item.value, "low": low, "high": high}
        reasons += item.reasons
    return {"reason": reasons[0] if reasons else "not_measured"}


def _of(attribute: str) -> Statistic:
    def statistic(outcomes: Sequence[Outcome]) -> float | None:
        rows = numbers(outcomes, "ctr", "truth")
        found: Agreement | None = agreement([row[0] for row in rows], [row[1] for row in rows])
        value: float | None = getattr(found, attribute) if found is not None else None
        return value

    return statistic


def _within(limit: float) -> Statistic:
    def statistic(outcomes: Sequence[Outcome]) -> float | None:
        rows = numbers(outcomes, "ctr", "truth")
        return float(np.mean([abs(a - b) <= limit for a, b in rows])) if rows else None

    return statistic


def _coverage(outcomes: Sequence[Outcome]) -> float | None:
    rows = numbers(outcomes, "low", "high", "truth")
    return float(covered(*zip(*rows, strict=True)).mean()) if rows else None


def _width(outcomes: Sequence[Outcome]) -> float | None:
    rows = numbers(outcomes, "low", "high")
    return float(np.mean([high - low for low, high in rows])) if rows else None


def _of_counts(of: Callable[[Counts], float | None]) -> Statistic:
    def statistic(outcomes: Sequence[Outcome]) -> float | None:
        rows = np.array(numbers(outcomes, "truth", "ctr")).reshape(-1, 2) > _ENLARGED
        return of(counts(rows[:, 0], rows[:, 1]))

    return statistic
