"""All cases."""

from __future__ import annotations

from typing import Final

from .beside import BESIDE
from .case import Case, FilmCase
from .dicom_films import DICOM_FILMS
from .picture_films import LOOKED_AT, PICTURES
from .places import PLACES, PRIORS

FILMS: Final[tuple[FilmCase, ...]] = (*DICOM_FILMS, *PICTURES, *LOOKED_AT)
"""Films, which can be read together."""
OTHERS: Final[tuple[Case, ...]] = (*PLACES, *PRIORS, *BESIDE)
CASES: Final[tuple[Case, ...]] = (*(film.case() for film in FILMS), *OTHERS)
