"""The covid-chestxray-dataset: ``metadata.csv``, ``images/`` and perhaps ``lung_masks/``.

Cohen et al., 2020, arXiv:2006.11988. Of its columns ``patientid``, ``offset`` (days),
``finding``, ``view``, ``filename`` and ``modality`` are read. ``lung_masks/<name>.png`` outlines
both lungs in one. Three films of the public table are listed under two patients: it is not
known whose they are, and they are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_agent.errors import InputError
from cxr_agent.evaluation.films.files import inside, read_mask, rows_of, whole_in
from cxr_agent.evaluation.films.model import LUNGS, Film, FilmSet, Masks
from cxr_agent.knowledge import FilmSetLabels, film_set_labels
from cxr_agent.study import View

TABLE: Final = "metadata.csv"
SET: Final = "covid_chestxray"
COLUMNS: Final = frozenset({"patientid", "finding", "view", "filename"})
_IMAGES: Final = "images"
_LUNG_MASKS: Final = "lung_masks"
_VIEWS: Final[Mapping[str, View]] = {
    "PA": View.PA,
    "AP": View.AP,
    "AP Supine": View.AP,
    "AP Erect": View.AP,
    "L": View.LATERAL,
}
_FILMS: Final = ("X-ray", "")
"""Of the column ``modality``, in the versions of the table that have it."""


def is_format(columns: frozenset[str]) -> bool:
    """Whether a table of these columns is one."""
    return columns >= COLUMNS


def read(table: Path, films: Path) -> FilmSet:
    """The set; raises InputError ``bad_film_set``."""
    labels = film_set_labels()[SET]
    images = films / _IMAGES if (films / _IMAGES).is_dir() else films
    masks = _masks(table.parent / _LUNG_MASKS)
    found: dict[str, Film] = {}
    several: set[str] = set()
    missing = 0
    for row in rows_of(table, COLUMNS):
        if row.get("modality", "") not in _FILMS:
            continue
        name = row["filename"]
        path = inside(images, name)
        if name in found:
            several |= {name} if found[name].patient != row["patientid"] else set()
            continue
        if not path.is_file():
            missing += 1
            continue
        found[name] = Film(
            path,
            name,
            row["patientid"] or name,
            view=_VIEWS.get(row["view"], View.UNKNOWN),
            days=_days(row.get("offset", "")),
            labels=_labels(row["finding"], labels),
            masks=masks.get(path.stem),
        )
    kept = tuple(film for name, film in found.items() if name not in several)
    return FilmSet(labels.name, kept, labels.source, labels.codes, missing)


def _days(cell: str) -> int | None:
    """Whole days; the table has a few halves, and words."""
    try:
        return whole_in(cell, "offset")
    except InputError:
        return None


def _labels(finding: str, table: FilmSetLabels) -> dict[str, bool | None]:
    """Present in the case, which says nothing of a finding that another diagnosis may show."""
    names = [part.strip() for whole in finding.split(",") for part in whole.split("/")]
    found = {code for name in names for code in table.labels.get(name, ())}
    if not found:
        return {}
    return {code: code in found for code in table.codes}


def _masks(folder: Path) -> dict[str, _Lungs]:
    """By the name of the film, without its ending."""
    return {
        path.stem: _Lungs(path) for path in sorted(folder.glob("*.png")) if not path.is_symlink()
    }


@dataclass(frozen=True, slots=True)
class _Lungs:
    path: Path

    def __call__(self) -> Masks:
        return {LUNGS: read_mask(self.path)}
