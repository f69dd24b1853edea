"""``measurements``: every measured number against a closed form, or against readers' outlines.

``--data phantoms:N`` draws N chests whose values are known from the numbers that they are drawn
from. Any other set gives the truth by its readers' outlines, measured by the same definitions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Final

import numpy as np
from pydantic import JsonValue

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.films import Film
from cxr_agent.evaluation.metrics.agreement import agreement, covered
from cxr_agent.evaluation.runs.model import Better, Outcome, Plot
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, Statistic, share_of
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.film_task import (
    Chosen,
    FilmTask,
    chosen,
    content_of_masks,
    current,
    drawn,
    has,
    masks_of,
    numbers,
)
from cxr_agent.evaluation.tasks.measured_truth import (
    Drawn,
    closed_form,
    codes,
    geometry,
    key_of,
    on_outlines,
    phantoms,
)
from cxr_agent.evaluation.tasks.planners import PROTOCOL, ScriptPlanner
from cxr_agent.evaluation.tasks.reader import Reading
from cxr_agent.knowledge import MeasurementDefinition, measurements, vocabulary
from cxr_agent.measuring import Measurer
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.registry import built_in

ALL_TOOLS: Final = "all-tools"
GIVEN: Final = "true outlines"
_PHANTOMS: Final = re.compile(r"phantoms:([1-9]\d{0,3})")


def made(options: TaskOptions) -> MeasurementsTask:
    """The task; raises as :func:`~cxr_agent.evaluation.tasks.film_task.chosen`."""
    wanted = _PHANTOMS.fullmatch(str(options.data))
    if wanted is None:
        if str(options.data).startswith("phantoms:"):
            raise UsageError(
                "bad_phantoms", "that is no number of chests to draw", hint="--data phantoms:40"
            )
        films = chosen(options, ("anatomy",), "masks", lambda film: film.masks is not None)
        return MeasurementsTask(options, films)
    folder = TemporaryDirectory(prefix="cxr-agent-phantoms-")
    chests = phantoms(int(wanted[1]), options.seed, Path(folder.name))
    films = Chosen(chests.film_set, drawn(chests.film_set.films, options), ())
    return MeasurementsTask(options, films, chests=chests, folder=folder)


@dataclass(slots=True, eq=False)
class MeasurementsTask(FilmTask):
    """A case is a film with masks, or a drawn chest.

    Outcomes hold for each measurement with a true value ``truth.KEY``, and where it was measured
    ``value.KEY``, ``low.KEY`` and ``high.KEY``.
    """

    chests: Drawn | None = None
    folder: TemporaryDirectory[str] | None = None
    _geometry: Measurer | None = field(default=None, init=False)
    name: ClassVar[str] = "measurements"
    title: ClassVar[str] = "Measurements"
    question: ClassVar[str] = (
        "Which measurements can be made, how far are they from their true values, and do their "
        "90 % intervals hold these?"
    )

    @property
    def systems(self) -> Sequence[str]:
        """Every measuring tool; the planners too, where others than the protocol were asked for."""
        planners = () if self.options.planner == PROTOCOL else self.reader.systems
        return (ALL_TOOLS, *planners, *((GIVEN,) if self.chests else ()))

    @property
    def unknown(self) -> Sequence[str]:
        if self.chests:
            about: tuple[str, ...] = (
                "Drawn chests are no patients: their borders are sharp, their structures regular. "
                "What is measured on true outlines tests the geometry, and nothing of a film.",
                "The true value of the inclusion of the lungs, and of what is not in the list, has "
                "no closed form.",
            )
        else:
            about = (
                *self.chosen.notes,
                "The truth is measured on readers' outlines by the program's own definitions: an "
                "error of a definition cannot show, and a measurement whose structures the readers "
                "did not draw is in no figure.",
            )
        return (
            *about,
            "A measurement that no film gave needs outlines that the embedded model does not draw "
            "(docs/measurements.md); with the upgrade CXAS installed they are there.",
            "Films on which a value was not given are in no error; `measured` says how many were.",
        )

    def truth_of(self, film: Film) -> object:
        if self.chests:
            return self.chests.specs[film.name]
        return content_of_masks(film)

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        film: Film = case.data
        chest = self.chests.chest(film) if self.chests else None
        if chest is not None:
            truths = closed_form(chest)
        else:
            truths = on_outlines(self._measurer(), film.path, masks_of(film))
        values: dict[str, JsonValue] = {f"truth.{key}": value for key, value in truths.items()}
        if system == GIVEN and chest is not None:
            found = on_outlines(self._measurer(), film.path, chest.masks)
            return Answer(values | {f"value.{k}": v for k, v in found.items() if k in truths})
        reading = self._reading(system, film, traces)
        return Answer(values | _measured(reading, truths), reading.trace)

    def _reading(self, system: str, film: Film, traces: Path) -> Reading:
        if system == ALL_TOOLS:
            self.reader.add(ALL_TOOLS, _all_tools())
        return self.read(system, film, traces)

    def _measurer(self) -> Measurer:
        if self._geometry is None:
            self._geometry = geometry()
        return self._geometry

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        known = {key[6:] for one in outcomes for key in one.values if key.startswith("truth.")}
        keys = [key for code in codes() for key in sorted(known) if key.partition("@")[0] == code]
        by_code = {one.code: one for one in measurements().values()}
        return [
            measure
            for make in (_share_measured, _errors, _tolerance, _interval)
            for key in keys
            for measure in make(key, by_code[key.partition("@")[0]])
        ]

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return ()

    def close(self) -> None:
        FilmTask.close(self)
        if self._geometry is not None:
            self._geometry.close()
        if self.folder is not None:
            self.folder.cleanup()


def _all_tools() -> ScriptPlanner:
    """Calls every measuring tool: the protocol calls those alone that its reading needs."""
    calls = tuple(
        ToolCall(spec.name, {spec.film_parameter.name: "img-1"})
        for spec in built_in()
        if spec.result is Measured
    )
    return ScriptPlanner("measuring", (calls,))


def _measured(reading: Reading, truths: Mapping[str, float]) -> dict[str, JsonValue]:
    """What the reading measured of that which has a true value."""
    values: dict[str, JsonValue] = {}
    for item in current(reading):
        key = key_of(item.code, item.side)
        if item.value is None or key not in truths or f"value.{key}" in values:
            continue
        values[f"value.{key}"] = item.value
        if item.interval is not None:
            values[f"low.{key}"], values[f"high.{key}"] = item.interval
    return values


def _named(key: str) -> str:
    code, _, side = key.partition("@")
    name = vocabulary()[code].name
    return f"{name}, {side}" if side else name


def _share_measured(key: str, one: MeasurementDefinition) -> list[Measure]:
    test = has(f"value.{key}")
    counted = has(f"truth.{key}")
    return [Measure("measured", share_of(test), _named(key), "", "higher", counted=counted)]


def _errors(key: str, one: MeasurementDefinition) -> list[Measure]:
    pair = (f"value.{key}", f"truth.{key}")
    unit = "" if one.unit == "1" else str(one.unit)
    return [
        Measure(name, _of(attribute, pair), _named(key), unit, better, counted=has(*pair))
        for name, attribute, better in _ERRORS
    ]


_ERRORS: Final[tuple[tuple[str, str, Better], ...]] = (
    ("mean absolute error", "mean_absolute_error", "lower"),
    ("bias", "bias", "neither"),
)


def _of(attribute: str, pair: tuple[str, str]) -> Statistic:
    def statistic(outcomes: Sequence[Outcome]) -> float | None:
        rows = numbers(outcomes, *pair)
        found = agreement([row[0] for row in rows], [row[1] for row in rows])
        value: float | None = getattr(found, attribute) if found is not None else None
        return value

    return statistic


def _tolerance(key: str, one: MeasurementDefinition) -> list[Measure]:
    """CXReasonBench's own margin, where it has one."""
    if one.tolerance is None:
        return []
    pair = (f"value.{key}", f"truth.{key}")
    near = _within(pair, one.tolerance)
    about = f"{_named(key)} ({one.tolerance:g})"
    return [Measure("within CXReasonBench's margin", near, about, "", "higher", counted=has(*pair))]


def _within(pair: tuple[str, str], margin: float) -> Statistic:
    def statistic(outcomes: Sequence[Outcome]) -> float | None:
        rows = numbers(outcomes, *pair)
        return float(np.mean([abs(a - b) <= margin for a, b in rows])) if rows else None

    return statistic


def _interval(key: str, one: MeasurementDefinition) -> list[Measure]:
    keys = (f"low.{key}", f"high.{key}", f"truth.{key}")

    def coverage(outcomes: Sequence[Outcome]) -> float | None:
        rows = numbers(outcomes, *keys)
        return float(covered(*zip(*rows, strict=True)).mean()) if rows else None

    return [Measure("coverage of the 90 % interval", coverage, _named(key), counted=has(*keys))]
