"""What the tasks on perturbed films share: each film read as it is, and again after each change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import InputError
from cxr_agent.evaluation.consistency.perturbations import Perturbation
from cxr_agent.evaluation.consistency.readings import FilmReading, Rereader
from cxr_agent.evaluation.films import Film
from cxr_agent.evaluation.runs.model import Outcome
from cxr_agent.evaluation.runs.task import Answer, Case
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.over_films import OverFilms
from cxr_agent.knowledge import threshold

_RATIO_LIMIT: Final = "ctr_pa"
ORIGINAL: Final = "original"
PERTURBED: Final = "perturbed"
TRUTH: Final = "truth"


class Perturbed(OverFilms):
    """Reads each film as it is and after every perturbation.

    Parameters
    ----------
    steps
        The perturbations. Random ones hang on the seed and the film's name.
    """

    def __init__(self, options: TaskOptions, steps: Sequence[Perturbation]) -> None:
        super().__init__(options)
        self._steps = steps
        self._rereaders: dict[str, Rereader] = {}

    @property
    def settings(self) -> Mapping[str, Any]:
        return {**super().settings, "perturbations": [one.name for one in self._steps]}

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        """The readings of one film; refused where the film is, as it is."""
        film: Film = case.data
        reader = self.rereader(system)
        image = reader.load(film.path)
        own = reader.read(image)
        if own.refused is not None:
            raise InputError(own.refused, "the film is refused as it is")
        seed = int.from_bytes(
            hashlib.sha256(f"{self.options.seed} {film.name}".encode()).digest()[:4]
        )
        others = {
            one.name: reader.read_file(one.file(image.pixels, seed), image) for one in self._steps
        }
        return Answer(
            {
                ORIGINAL: own.model_dump(mode="json"),
                PERTURBED: {name: one.model_dump(mode="json") for name, one in others.items()},
                TRUTH: dict(_truth(film)),
            }
        )

    def rereader(self, system: str) -> Rereader:
        """Of a planner; made when first asked for."""
        if system not in self._rereaders:
            self._rereaders[system] = Rereader(self.reader.agent(system))
        return self._rereaders[system]

    def close(self) -> None:
        while self._rereaders:
            self._rereaders.popitem()[1].close()
        super().close()


def _truth(film: Film) -> Iterable[tuple[str, bool]]:
    """What is there, by finding as a :class:`FilmReading` names it.

    A reader's cardiothoracic ratio tells of the heart's size, by the limit of PA films.
    """
    labels = dict(film.labels)
    if film.ctr is not None:
        labels.setdefault("cardiomegaly", film.ctr > threshold(_RATIO_LIMIT).value)
    for code, there in labels.items():
        if there is not None:
            yield code, there
            yield f"{code} (measured)", there


def original(outcome: Outcome) -> FilmReading:
    """The film as it is."""
    return FilmReading.model_validate(outcome.values[ORIGINAL])


def perturbed(outcome: Outcome) -> dict[str, FilmReading]:
    """The film after each change."""
    readings = outcome.values[PERTURBED]
    assert isinstance(readings, dict)
    return {name: FilmReading.model_validate(one) for name, one in readings.items()}


def truth(outcome: Outcome) -> dict[str, bool]:
    """What is there, as far as it is known."""
    known = outcome.values[TRUTH]
    assert isinstance(known, dict)
    return {name: bool(there) for name, there in known.items()}
