"""Which films the embedded models were trained on: a figure on these says nothing of new ones.

The splits are those of ``training/`` (``training/anatomy/data.py``, ``training/films/film.py``),
which is not part of the installed program; tests hold that both agree. A film is known by its name,
its patient's number in a set that was trained on, or its content. Where a rule cannot tell, the
film counts as trained on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from cxr_agent.evaluation.films.bit_planes import is_jsrt
from cxr_agent.evaluation.films.model import Film, FilmSet
from cxr_agent.knowledge import film_set_labels
from cxr_agent.knowledge.files import lines

ModelName = Literal["anatomy", "findings"]

_JSRT_TEST_UP_TO: Final = "2e4a888b060d72c4"
"""First digits of the last SHA-256 of a file name in the test fifth of JSRT's 240 films."""
_TEST_SHARE: Final = 0.2
_LUNG_SETS: Final = re.compile(r"(MCUCXR|CHNCXR)_\d{4}_[01]")
_HEX: Final = 16
_MOST_BYTES: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class Unseen:
    """The films that a model is to be judged on, and what has to be said about them."""

    films: tuple[Film, ...]
    notes: tuple[str, ...]
    trained_on: bool
    """Whether these are training films, because there are no others."""


def unseen(film_set: FilmSet, films: Sequence[Film], *models: ModelName) -> Unseen:
    """Leave out the films that any of the models was trained on; all are kept where none is left.

    Returns
    -------
    Unseen
        With a sentence on what was left out, or on that nothing could be.
    """
    seen = {one.name for one in films if any(_trained_on(film_set, one, model) for model in models)}
    others = tuple(one for one in films if one.name not in seen)
    which = " or ".join(models)
    if not seen:
        return Unseen(tuple(films), (), False)
    if others:
        note = (
            f"{len(seen)} films were left out: the shipped {which} model was trained or calibrated "
            f"on them. The other {len(others)} are held out by its training."
        )
        return Unseen(others, (note,), False)
    cards = ", ".join(f"docs/models/{model}.md" for model in models)
    note = (
        f"ALL OF THESE FILMS ARE TRAINING FILMS of the shipped {which} model. The figures say how "
        "it does on films that it has learned by heart, not on new ones; the model's card "
        f"({cards}) has the figures of held-out and cross-validated films."
    )
    return Unseen(tuple(films), (note,), True)


def _trained_on(film_set: FilmSet, film: Film, model: ModelName) -> bool:
    name = Path(film.name).stem
    if model == "anatomy":
        if is_jsrt(name):
            return _digest(f"{name.upper()}.png")[:_HEX] > _JSRT_TEST_UP_TO
        return _LUNG_SETS.fullmatch(name) is not None or _listed(film.path)
    if is_jsrt(name):
        return not _test_patient(f"jsrt/{name.upper()}")
    if _LUNG_SETS.fullmatch(name):
        return True
    labels = film_set_labels()
    if film_set.name == labels["chestxray14"].name:
        # Tables write the number with and without zeros before it.
        numbers = (film.patient, film.patient.zfill(8))
        return not all(_test_patient(f"nih/{number}") for number in numbers)
    if film_set.name == labels["covid_chestxray"].name:
        return not _test_patient(f"covid/{film.patient}")
    return False


def _test_patient(person: str) -> bool:
    """Whether a patient is one of the fifth that findings and embedding were tested on."""
    return int(_digest(person)[:8], 16) / 16**8 < _TEST_SHARE


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=1)
def _listed_films() -> frozenset[str]:
    return frozenset(lines("training_films"))


def _listed(path: Path) -> bool:
    """Whether a file is one of ``kb/training_films.txt``."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return False
        content = path.read_bytes()
    except OSError:
        return False
    return hashlib.sha256(content).hexdigest()[:_HEX] in _listed_films()
