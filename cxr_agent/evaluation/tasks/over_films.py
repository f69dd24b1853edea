"""What tasks over a set of films share: the cases, who reads them, and what a run hangs on."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.films import Film, FilmSet, films_of
from cxr_agent.evaluation.runs.model import Outcome, Plot
from cxr_agent.evaluation.runs.task import Case
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.reader import FilmReader


class OverFilms:
    """A task whose cases are the films of a set, each read by every planner.

    Parameters
    ----------
    wanted
        Which films can be a case.
    what
        What the films lack where none can, for the error.

    Raises
    ------
    UsageError
        ``nothing_to_evaluate``, ``no_model``, and as
        :func:`~cxr_agent.evaluation.films.films_of`.
    """

    def __init__(
        self,
        options: TaskOptions,
        *,
        wanted: Callable[[Film], bool] = lambda _: True,
        what: str = "films",
    ) -> None:
        self.options = options
        self.reader = FilmReader(options)
        self.planners = self.reader.systems
        self.set: FilmSet = films_of(options.data, options.films)
        films = [film for film in self.set.films if wanted(film)]
        if not films:
            raise UsageError(
                "nothing_to_evaluate",
                f"the data set has no {what}",
                hint="Choose another --data, or another task: cxr-agent eval list.",
            )
        self.films: Sequence[Film] = drawn(films, options)

    @property
    def systems(self) -> Sequence[str]:
        return self.planners

    @property
    def settings(self) -> Mapping[str, Any]:
        return {**self.reader.settings, "data": self.set.name, "limit": self.options.limit}

    def cases(self) -> Sequence[Case]:
        return [
            Case(film.name, film.patient, str(film.path.stat().st_size), film)
            for film in self.films
        ]

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return ()

    def close(self) -> None:
        self.reader.close()


def drawn(films: Sequence[Film], options: TaskOptions) -> Sequence[Film]:
    """So many as the limit allows: whole patients, by the seed, in the order of the set."""
    if options.limit is None or options.limit >= len(films):
        return films
    patients = sorted({film.patient for film in films})
    random.Random(options.seed).shuffle(patients)
    chosen: list[str] = []
    count = 0
    by_patient: dict[str, int] = {}
    for film in films:
        by_patient[film.patient] = by_patient.get(film.patient, 0) + 1
    for patient in patients:
        if count >= options.limit:
            break
        chosen.append(patient)
        count += by_patient[patient]
    kept = set(chosen)
    return [film for film in films if film.patient in kept][: options.limit]
