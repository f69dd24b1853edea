"""``segmentation``: outlines against readers' masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from cxr_agent.errors import InputError
from cxr_agent.evaluation.films import LUNGS, Film, Masks
from cxr_agent.evaluation.metrics.segmentation import (
    PIXELS,
    Spacing,
    dice,
    iou,
    surface_distances,
)
from cxr_agent.evaluation.runs.model import Better, Outcome, Plot
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, mean_of
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.film_task import (
    FilmTask,
    chosen,
    content_of_masks,
    current,
    has,
    masks_of,
)
from cxr_agent.evaluation.tasks.mean_shape import MeanShape
from cxr_agent.evaluation.tasks.reader import Reading
from cxr_agent.evidence import EvidenceKind
from cxr_agent.knowledge import structures
from cxr_agent.toolbox.artifacts import mask_plane
from cxr_agent.trace import read_artifact

SHAPE: Final = "mean shape"
_MOST_FILMS: Final = 400
"""Of which the mean shape is made: more would not move it."""
_SIDES: Final = ("right_lung", "left_lung")


def made(options: TaskOptions) -> SegmentationTask:
    """The task; raises as :func:`~cxr_agent.evaluation.tasks.film_task.chosen`."""
    films = chosen(options, ("anatomy",), "masks", lambda film: film.masks is not None)
    return SegmentationTask(options, films)


@dataclass(slots=True, eq=False)
class SegmentationTask(FilmTask):
    """A case is a film with masks.

    Outcomes hold ``found.S`` for each structure that the reader drew, and where it was outlined
    ``dice.S``, ``iou.S``, ``mean.S`` and ``hausdorff.S``; an outline that is missing has a Dice and
    an IoU of 0 and no distances.
    """

    _shape: MeanShape | None = field(default=None, init=False)
    name: ClassVar[str] = "segmentation"
    title: ClassVar[str] = "Outlines"
    question: ClassVar[str] = "How well do the program's outlines fit those that readers drew?"
    baselines: ClassVar[tuple[str, ...]] = (SHAPE,)

    @property
    def unit(self) -> str:
        """Of distances: mm where every film says its spacing."""
        return "mm" if all(one.spacing_mm for one in self.chosen.films) else "px"

    @property
    def unknown(self) -> Sequence[str]:
        notes = [*self.chosen.notes]
        if self.unit == "px":
            notes.append(
                "Distances are in pixels of the films as stored, which have no known size: they "
                "cannot be held against those of films of another size."
            )
        if self.chosen.film_set.name == "covid-chestxray-dataset":
            notes.append(
                "The reader drew whole lungs, with the parts that heart and diaphragm hide; the "
                "program outlines what is seen. Much of the difference is this, and no error."
            )
        return (
            *notes,
            "How far two readers differ on the same film is not in the set.",
            "A structure that the reader did not draw is in no figure, whether it was outlined or "
            "not.",
            "A good overlap does not say that what is measured on the outline is right: see the "
            "tasks ctr and measurements.",
        )

    @property
    def settings(self) -> Mapping[str, Any]:
        return {**self.settings_of_readings, "unit": self.unit}

    def truth_of(self, film: Film) -> object:
        return (content_of_masks(film), film.spacing_mm)

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        film: Film = case.data
        truth = with_both_lungs(masks_of(film))
        if system == SHAPE:
            found = self._mean_shapes(film, truth)
            return Answer(self._compared(found, truth, film))
        reading = self.read(system, film, traces)
        found = with_both_lungs(outlines(reading))
        shape = _shape_of(reading)
        if any(plane.shape != shape for plane in truth.values()):
            raise InputError(
                "mask_size",
                "a mask is not of the film's size",
                hint="Masks are of the film's size.",
            )
        return Answer(self._compared(found, truth, film), reading.trace)

    def _mean_shapes(self, film: Film, truth: Masks) -> Masks:
        if self._shape is None:
            some = [one for one in self.chosen.film_set.films if one.masks is not None]
            self._shape = MeanShape(some[:_MOST_FILMS])
        shapes = {
            name: self._shape.of(film.patient, name, (plane.shape[0], plane.shape[1]))
            for name, plane in truth.items()
            if name != LUNGS or LUNGS in masks_of(film)
        }
        found = {name: plane for name, plane in shapes.items() if plane is not None}
        return found if LUNGS in found else with_both_lungs(found)

    def _compared(self, found: Masks, truth: Masks, film: Film) -> dict[str, JsonValue]:
        spacing = film.spacing_mm if self.unit == "mm" and film.spacing_mm else PIXELS
        values: dict[str, JsonValue] = {}
        for name, plane in sorted(truth.items()):
            values |= _fit(name, found.get(name), plane, spacing)
        return values

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        names = list(dict.fromkeys(k[6:] for o in outcomes for k in o.values if k[:6] == "found."))
        order = [*(one for one in structures() if one in names), *({LUNGS} & set(names))]
        planner = self.reader.systems[0]
        made_any = {
            name
            for name in order
            for one in outcomes
            if one.system == planner and one.values.get(f"found.{name}")
        }
        return [
            *(
                Measure("outlined", mean_of(f"found.{name}"), called(name), "", "higher")
                for name in order
            ),
            *(
                self._measure(what, f"{start}.{name}", name, better)
                for what, start, better in _MEASURES
                for name in order
                if name in made_any
            ),
        ]

    def _measure(self, what: str, key: str, name: str, better: Better) -> Measure:
        unit = self.unit if "distance" in what else ""
        return Measure(what, mean_of(key), called(name), unit, better, counted=has(key))

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return ()


_MEASURES: Final[tuple[tuple[str, str, Better], ...]] = (
    ("Dice", "dice", "higher"),
    ("IoU", "iou", "higher"),
    ("mean surface distance", "mean", "lower"),
    ("Hausdorff distance, 95th percentile", "hausdorff", "lower"),
)


def called(name: str) -> str:
    """A structure for people."""
    return "both lungs" if name == LUNGS else structures()[name].name


def outlines(reading: Reading) -> Masks:
    """Every structure that a reading outlined on the film, at the film's size."""
    return {
        item.code: mask_plane(read_artifact(reading.folder, item.artifacts[item.code]))
        for item in current(reading)
        if item.kind is EvidenceKind.REGION and item.code in item.artifacts
    }


def with_both_lungs(masks: Masks) -> Masks:
    """With both lungs in one, where each was outlined."""
    if LUNGS in masks or not set(_SIDES) <= set(masks):
        return masks
    return {**masks, LUNGS: masks[_SIDES[0]] | masks[_SIDES[1]]}


def _shape_of(reading: Reading) -> tuple[int, int]:
    film = reading.report.films[0]
    return film.rows, film.columns


def _fit(
    name: str, found: NDArray[np.bool_] | None, true: NDArray[np.bool_], spacing: Spacing
) -> dict[str, JsonValue]:
    if not true.any():  # drawn as nothing: what is not there cannot be outlined well
        return {}
    if found is None or not found.any():
        return {f"found.{name}": False, f"dice.{name}": 0.0, f"iou.{name}": 0.0}
    distances = surface_distances(found, true, spacing)
    assert distances is not None
    return {
        f"found.{name}": True,
        f"dice.{name}": dice(found, true),
        f"iou.{name}": iou(found, true),
        f"mean.{name}": distances.mean,
        f"hausdorff.{name}": distances.hausdorff_95,
    }
