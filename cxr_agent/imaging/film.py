"""One decoded film, before it gets a handle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cxr_agent.study import AgeGroup, FloatImage, Notice, PixelSpacing, View


@dataclass(frozen=True, eq=False)
class DecodedFilm:
    """What is kept of a file: pixels ready to be looked at, and facts that identify nobody.

    ``film_day``, ``patient`` and ``study`` are the last traces of when and who;
    :func:`~cxr_agent.imaging.load_study` turns the first into an interval, holds the others
    against those of the priors, and drops all three.
    """

    pixels: FloatImage
    """(rows, columns) float32 in [0, 1], bone white; read-only, C order."""
    view: View = View.UNKNOWN
    view_source: str = "none"
    """``header``, or ``none``."""
    age_group: AgeGroup = AgeGroup.UNKNOWN
    spacing: PixelSpacing | None = None
    notices: tuple[Notice, ...] = ()
    """In the order in which :class:`~cxr_agent.study.Notice` lists them."""
    film_day: int | None = None
    """Proleptic Gregorian ordinal of the day on which the film was taken."""
    patient: str = ""
    """Hash of the patient's id; empty where the file names none."""
    study: str = ""
    """Hash of the study's UID; empty where the file names none."""

    @property
    def synthetic(self) -> bool:
        """Whether the file says that a program made it."""
        return Notice.SYNTHETIC in self.notices

    @cached_property
    def sha256(self) -> str:
        """Over shape and pixels; whoever holds the pixels computes it, so it always fits them."""
        rows, columns = self.pixels.shape
        digest = hashlib.sha256(f"float32 {rows} {columns}\n".encode("ascii"))
        digest.update(np.ascontiguousarray(self.pixels, dtype="<f4").data)
        return digest.hexdigest()


def ordered(notices: set[Notice] | frozenset[Notice]) -> tuple[Notice, ...]:
    """The notices in a fixed order, so that equal files give equal results."""
    return tuple(notice for notice in Notice if notice in notices)


def latest_day(films: Iterable[DecodedFilm]) -> int | None:
    """The day of the latest film; None where none is dated."""
    return max((film.film_day for film in films if film.film_day is not None), default=None)
