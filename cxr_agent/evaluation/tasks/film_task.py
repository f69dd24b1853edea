"""What the tasks over films share: which films they ask about, and readings of them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.films import Film, FilmSet, Masks, films_of
from cxr_agent.evaluation.films.unseen import ModelName, unseen
from cxr_agent.evaluation.runs.model import Outcome
from cxr_agent.evaluation.runs.task import Case, number
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.reader import FilmReader, Reading
from cxr_agent.evidence import Evidence

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Chosen:
    """The films of a set that a task asks about."""

    film_set: FilmSet
    films: tuple[Film, ...]
    notes: tuple[str, ...]
    """What has to be said about the choice, in sentences."""
    trained_on: bool = False


def chosen(
    options: TaskOptions,
    models: Sequence[ModelName],
    what: str,
    has: Callable[[Film], bool],
    film_set: FilmSet | None = None,
) -> Chosen:
    """The frontal films that have what is needed, without those that a model was trained on.

    Parameters
    ----------
    what
        What is needed, for the error.
    film_set
        Where it was read before.

    Raises
    ------
    UsageError
        ``nothing_to_evaluate``, and as :func:`~cxr_agent.evaluation.films.films_of`.
    InputError
        As that.
    """
    film_set = film_set or films_of(options.data, options.films)
    having = [film for film in film_set.films if has(film)]
    frontal = [film for film in having if film.frontal]
    if not frontal:
        raise UsageError(
            "nothing_to_evaluate",
            f"no film of the set has {what}",
            hint="docs/film_sets.md says what each task needs.",
        )
    fair = unseen(film_set, frontal, *models)
    notes = [*fair.notes]
    if len(frontal) < len(having):
        notes.append(f"{len(having) - len(frontal)} side views were left out.")
    if film_set.missing:
        notes.append(f"{film_set.missing} films that the set names are not there.")
    return Chosen(film_set, drawn(fair.films, options), tuple(notes), fair.trained_on)


def drawn(films: Sequence[Film], options: TaskOptions) -> tuple[Film, ...]:
    """The films of a run: the first ``limit`` of an order that hangs on the seed and the names."""
    return tuple(sorted(films, key=lambda one: place_of(one.name, options.seed))[: options.limit])


def place_of(name: str, seed: int) -> str:
    """What an order that hangs on the seed and the names alone is sorted by."""
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()


def content_of(film: Film, *truth: object) -> str:
    """Hash of a film's file and of what is known of it."""
    digest = hashlib.sha256(repr(truth).encode())
    try:
        with film.path.open("rb") as file:
            while part := file.read(_CHUNK):
                digest.update(part)
    except OSError:
        digest.update(b"not readable")
    return digest.hexdigest()


def masks_of(film: Film) -> Masks:
    """The outlines of a film, none where readers drew none; raises InputError ``bad_mask``."""
    return film.masks() if film.masks is not None else {}


def content_of_masks(film: Film) -> str:
    """Hash of the outlines of a film."""
    digest = hashlib.sha256()
    for name, plane in sorted(masks_of(film).items()):
        digest.update(f"{name} {plane.shape}".encode())
        digest.update(np.packbits(plane).tobytes())
    return digest.hexdigest()


@dataclass(slots=True, eq=False)
class FilmTask:
    """Base of the tasks over films; a case's data is its :class:`Film`."""

    options: TaskOptions
    chosen: Chosen
    reader: FilmReader = field(init=False)
    baselines: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        self.reader = FilmReader(self.options)

    @property
    def systems(self) -> Sequence[str]:
        return (*self.reader.systems, *self.baselines)

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.settings_of_readings

    @property
    def settings_of_readings(self) -> dict[str, Any]:
        """What the reading of a film depends on, and which films are read."""
        return {
            **self.reader.settings,
            "data": self.chosen.film_set.name,
            "limit": self.options.limit,
        }

    def cases(self) -> Sequence[Case]:
        return [
            Case(film.name, film.patient, content_of(film, self.truth_of(film)), film)
            for film in self.chosen.films
        ]

    def truth_of(self, film: Film) -> object:
        """What is known of a film and bears on its outcome; its ``repr`` says all of it."""
        return (film.ctr, sorted(film.labels.items()), film.boxes, film.spacing_mm)

    def read(self, system: str, film: Film, traces: Path) -> Reading:
        """The film, read by a planner."""
        return self.reader.read(system, [film.path], traces)

    def close(self) -> None:
        self.reader.close()


class OthersMean:
    """The mean of a number over the films of all other patients: nobody is known by his own.

    Parameters
    ----------
    values
        (patient, number) of each film that has it.
    """

    def __init__(self, values: Iterable[tuple[str, float]]) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._counts: Counter[str] = Counter()
        for patient, value in values:
            self._sums[patient] += value
            self._counts[patient] += 1
        self._sum, self._count = sum(self._sums.values()), self._counts.total()

    def without(self, patient: str) -> float | None:
        """None where there is nobody else."""
        others = self._count - self._counts[patient]
        return (self._sum - self._sums.get(patient, 0.0)) / others if others else None


def current(reading: Reading) -> Iterator[Evidence]:
    """The evidence of a reading that is about the film itself."""
    return (item for item in reading.report.evidence if not item.of_prior)


def numbers(outcomes: Sequence[Outcome], *keys: str) -> list[tuple[float, ...]]:
    """The numbers that outcomes have under all of these keys, outcome by outcome."""
    found = []
    for one in outcomes:
        row = [number(one, key) for key in keys]
        if all(value is not None for value in row):
            found.append(tuple(value for value in row if value is not None))
    return found


def has(*keys: str) -> Callable[[Outcome], bool]:
    """Whether an outcome has a number under each of these keys."""
    return lambda outcome: all(number(outcome, key) is not None for key in keys)
