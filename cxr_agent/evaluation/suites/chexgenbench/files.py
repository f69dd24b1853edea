"""A folder of films as points of the embedding, with what the classifier says of each.

Films that say of themselves that a program made them are read here on purpose: nothing that is said
of them is said of a patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cxr_agent.errors import InputError
from cxr_agent.evaluation.films import Film, films_of
from cxr_agent.imaging import Decoder
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import FloatImage

SUFFIXES: Final = (".dcm", ".png", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True)
class FilmSeen:
    """One film, as the measures see it."""

    point: tuple[float, ...]
    """(D,) of unit length."""
    strangeness: float
    """Distance from what the embedding learnt from, see :mod:`cxr_agent.models.embedding`."""
    probabilities: dict[str, float]
    """Calibrated, by finding, of those that the classifier offers."""


class FilmSight:
    """Decodes films and runs embedding and classifier on them.

    Parameters
    ----------
    shelf
        Where the models come from.
    """

    def __init__(self, shelf: Shelf, decoder: Decoder) -> None:
        self._embedding = shelf.embedding()
        self._findings = shelf.findings()
        self._decoder = decoder

    def see(self, film: Path) -> FilmSeen:
        """One film; raises :class:`InputError` where it cannot be decoded."""
        return self.see_pixels(self._decoder.decode(film).pixels)

    def see_pixels(self, pixels: FloatImage) -> FilmSeen:
        """(rows, columns) in [0, 1], bone white."""
        embedded = self._embedding.embed([pixels])
        found = self._findings.classify(pixels).probabilities
        offered = (label.code for label in self._findings.card.labels if label.offered)
        return FilmSeen(
            point=tuple(float(x) for x in embedded.vectors[0]),
            strangeness=embedded.strangeness[0],
            probabilities={code: found[code] for code in offered},
        )


def films_in(folder: Path) -> tuple[Film, ...]:
    """The films of a folder: by its table where it has one, else all that lie in it.

    A table, in any format of :mod:`cxr_agent.evaluation.films`, says what films show, or are meant
    to show, and of whom they are.

    Raises
    ------
    InputError
        ``bad_film_set``: there is no film, or the table is malformed.
    """
    if folder.is_dir() and any(folder.glob("*.csv")):
        return films_of(folder).films
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not found:
        raise InputError(
            "bad_film_set",
            f"the folder {folder.name[:40]} holds no film",
            hint="It takes DICOM, PNG and JPEG files, by their suffix.",
        )
    names = [path.relative_to(folder).as_posix() for path in found]
    return tuple(Film(path, name, name) for path, name in zip(found, names, strict=True))


def points_of(films: Sequence[FilmSeen]) -> FloatImage:
    """(N, D) of several films."""
    return np.array([film.point for film in films], dtype=np.float32)
