"""``localisation``: where findings are shown, against readers' boxes."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from cxr_agent.errors import InputError
from cxr_agent.evaluation.films import Film
from cxr_agent.evaluation.metrics.localisation import (
    IOU_LEVELS,
    MAP_LEVEL,
    Point,
    best_iou,
    box_of,
    contrast_to_noise,
    peak,
    points_into,
    within,
)
from cxr_agent.evaluation.runs.model import Better, Outcome, Plot, Series
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, Statistic
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.film_task import FilmTask, chosen, current, has, numbers
from cxr_agent.evaluation.tasks.reader import Reading
from cxr_agent.evidence import Box, EvidenceKind, Polarity
from cxr_agent.knowledge import vocabulary
from cxr_agent.toolbox.artifacts import saliency_name
from cxr_agent.trace import read_artifact

CENTRE: Final = "centre box"
CHANCE: Final = "random box"
_SHARE: Final = 0.5
"""Of the film's sides, of the baselines' boxes."""
_OVER_ALL: Final = "all findings"


def made(options: TaskOptions) -> LocalisationTask:
    """The task; raises as :func:`~cxr_agent.evaluation.tasks.film_task.chosen`."""
    films = chosen(
        options, ("findings", "anatomy"), "a box of a finding", lambda film: bool(film.boxes)
    )
    return LocalisationTask(options, films)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Where a finding is shown on a film."""

    boxes: tuple[Box, ...]
    point: Point
    heat: NDArray[np.float32] | None = None


@dataclass(slots=True, eq=False)
class LocalisationTask(FilmTask):
    """A case is a film with boxes.

    Outcomes hold for each finding that has boxes ``given.CODE``, ``iou.CODE`` and ``hit.CODE``, 0
    where no place was given, and ``cnr.CODE`` where a map was.
    """

    name: ClassVar[str] = "localisation"
    title: ClassVar[str] = "Places of findings"
    question: ClassVar[str] = (
        "Of findings that are there, does the program show where, and is it where readers drew it?"
    )
    baselines: ClassVar[tuple[str, ...]] = (CENTRE, CHANCE)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {**self.settings_of_readings, "map_level": MAP_LEVEL}

    @property
    def unknown(self) -> Sequence[str]:
        return (
            *self.chosen.notes,
            "Only findings that are there are asked for: places shown of findings that are not "
            "there are in no figure.",
            "A finding that the program does not judge, or calls absent, has no place: it counts "
            "as missed, at an IoU of 0. `place given` says how often one was.",
            f"The box of a map is that of its highest place, from {MAP_LEVEL:g} of its maximum: "
            "another level gives other boxes. The pointing game and the contrast need none.",
            "Readers draw boxes larger or smaller; how far two of them differ is not in it.",
        )

    def truth_of(self, film: Film) -> object:
        return film.boxes

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        film: Film = case.data
        truths: dict[str, list[Box]] = {}
        for one in film.boxes:
            truths.setdefault(one.finding, []).append(one.box)
        if system in self.baselines:
            shape = self._size(film)
            guess = _centre(shape) if system == CENTRE else self._drawn(film, shape)
            return Answer(_all_held(dict.fromkeys(truths, guess), truths, shape))
        reading = self.read(system, film, traces)
        first = reading.report.films[0]
        places = {code: place for code in truths if (place := shown(reading, code))}
        return Answer(_all_held(places, truths, (first.rows, first.columns)), reading.trace)

    def _size(self, film: Film) -> tuple[int, int]:
        """(rows, columns) of a film as it is read."""
        agent = self.reader.agent(self.reader.systems[0])
        return agent.load([film.path]).images[0].shape

    def _drawn(self, film: Film, shape: tuple[int, int]) -> Shown:
        """A box anywhere on the film, and a point anywhere."""
        rng = random.Random(f"{self.options.seed}/{film.name}")
        rows, columns = shape
        height, width = round(rows * _SHARE), round(columns * _SHARE)
        top, left = rng.randint(0, rows - height), rng.randint(0, columns - width)
        point = (rng.uniform(0, columns), rng.uniform(0, rows))
        return Shown(((left, top, left + width, top + height),), point)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        known = {key[4:] for one in outcomes for key in one.values if key.startswith("iou.")}
        codes = [code for code in self.chosen.film_set.findings if code in known]
        groups = [(_OVER_ALL, tuple(codes))] if len(codes) > 1 else []
        groups += [(vocabulary()[code].name, (code,)) for code in codes]
        return [
            Measure(name, _over(start, of, some), about, "", better, counted=_any(start, some))
            for name, start, of, better in _MEASURES
            for about, some in groups
        ]

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        codes = self.chosen.film_set.findings
        lines = []
        for system in self.systems:
            found = _values([one for one in outcomes if one.system == system], "iou", codes)
            if found:
                shares = tuple(float(np.mean(np.array(found) >= level)) for level in IOU_LEVELS)
                lines.append(Series(name=system, x=IOU_LEVELS, y=shares))
        return [
            Plot(
                title="Share of findings shown at an overlap",
                x_label="IoU with a reader's box, at least",
                y_label="share of findings with a box",
                series=tuple(lines),
            )
        ]


def shown(reading: Reading, code: str) -> Shown | None:
    """Where a reading shows a finding: the box of what was measured goes before that of a map.

    A finding that is called absent is shown nowhere.
    """
    film = reading.report.films[0]
    shape = (film.rows, film.columns)
    boxes: list[Box] = []
    heat: NDArray[np.float32] | None = None
    for item in current(reading):
        if item.kind is not EvidenceKind.FINDING or item.code != code:
            continue
        if item.polarity is Polarity.ABSENT:
            continue
        artifact = item.artifacts.get(saliency_name(code))
        if artifact is not None:
            heat = _heat(read_artifact(reading.folder, artifact))
        if item.box is not None:
            boxes.append(item.box)
    if boxes:
        return Shown(tuple(boxes), _middle(boxes[0]), heat)
    if heat is None:
        return None
    box = box_of(heat, shape)
    return Shown((box,) if box else (), peak(heat, shape), heat)


def _heat(png: bytes) -> NDArray[np.float32]:
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
        heat: NDArray[np.float32] = np.asarray(picture.convert("L"), dtype=np.float32)
    return heat / np.float32(255)


def _middle(box: Box) -> Point:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _centre(shape: tuple[int, int]) -> Shown:
    """A box in the middle of a film of (rows, columns)."""
    rows, columns = shape
    height, width = round(rows * _SHARE), round(columns * _SHARE)
    top, left = (rows - height) // 2, (columns - width) // 2
    return Shown(((left, top, left + width, top + height),), (columns / 2, rows / 2))


def _all_held(
    places: Mapping[str, Shown], truths: Mapping[str, Sequence[Box]], shape: tuple[int, int]
) -> dict[str, JsonValue]:
    rows, columns = shape
    values: dict[str, JsonValue] = {}
    for code, boxes in sorted(truths.items()):
        if any(box[2] > columns or box[3] > rows for box in boxes):
            raise InputError(
                "bad_film_set", "a box ends outside its film", hint="Boxes are in film pixels."
            )
        place = places.get(code)
        values[f"given.{code}"] = place is not None
        values[f"iou.{code}"] = best_iou(place.boxes, boxes) if place else 0.0
        values[f"hit.{code}"] = place is not None and points_into(place.point, boxes)
        if place is not None and place.heat is not None:
            inside = within(boxes, (place.heat.shape[0], place.heat.shape[1]), shape)
            values[f"cnr.{code}"] = contrast_to_noise(place.heat, inside)
    return values


def _values(outcomes: Sequence[Outcome], start: str, codes: Sequence[str]) -> list[float]:
    return [row[0] for code in codes for row in numbers(outcomes, f"{start}.{code}")]


def _any(start: str, codes: Sequence[str]) -> Callable[[Outcome], bool]:
    return lambda outcome: any(has(f"{start}.{code}")(outcome) for code in codes)


def _over(start: str, of: Callable[[list[float]], float], codes: Sequence[str]) -> Statistic:
    def statistic(outcomes: Sequence[Outcome]) -> float | None:
        found = _values(outcomes, start, codes)
        return of(found) if found else None

    return statistic


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _share_from(level: float) -> Callable[[list[float]], float]:
    return lambda values: sum(one >= level for one in values) / len(values)


_MEASURES: Final[tuple[tuple[str, str, Callable[[list[float]], float], Better], ...]] = (
    ("place given", "given", _mean, "higher"),
    ("pointing game", "hit", _mean, "higher"),
    ("IoU", "iou", _mean, "higher"),
    *((f"share at IoU {level:g}", "iou", _share_from(level), "higher") for level in IOU_LEVELS),
    ("contrast to noise", "cnr", _mean, "higher"),
)
