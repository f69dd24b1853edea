"""CheXpert (``train.csv``, ``valid.csv``) and CheXpert Plus (``df_chexpert_plus_*.csv``).

Irvin et al., AAAI 2019: ``Path``, ``Frontal/Lateral``, ``AP/PA`` and fourteen labels of 1, 0, -1
(uncertain) and nothing (not mentioned). Chambon et al., 2024, arXiv:2405.19538: ``path_to_image``,
``frontal_lateral``, ``ap_pa``, ``deid_patient_id`` and the report's sections; its labels lie beside
the table, or in ``chexbert_labels/``, as lines of JSON: ``impression_fixed.json``.

The patient of CheXpert is the folder ``patient...`` in the path. Films are looked for below the
folder with and without the path's first part, which names the release, and as PNG where the table
names a JPEG.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cxr_agent.evaluation.films.files import MOST_ROWS, bad_set, inside, rows_of
from cxr_agent.evaluation.films.labels import told
from cxr_agent.evaluation.films.model import Film, FilmSet
from cxr_agent.knowledge import film_set_labels
from cxr_agent.study import View

COLUMNS: Final = frozenset({"Path", "Frontal/Lateral", "AP/PA", "Cardiomegaly"})
PLUS_COLUMNS: Final = frozenset({"path_to_image", "frontal_lateral", "ap_pa", "deid_patient_id"})
_PLUS_LABELS: Final = ("impression_fixed.json", "chexbert_labels/impression_fixed.json")
_SECTIONS: Final = (
    ("section_clinical_history", "INDICATION"),
    ("section_comparison", "COMPARISON"),
    ("section_findings", "FINDINGS"),
    ("section_impression", "IMPRESSION"),
)
_RELEASE: Final = "CheXpert"
_FOLDERS: Final = ("", "PNG", "images")


def is_format(columns: frozenset[str]) -> bool:
    """Whether a table of these columns is CheXpert's."""
    return columns >= COLUMNS


def is_plus(columns: frozenset[str]) -> bool:
    """Whether a table of these columns is CheXpert Plus's."""
    return columns >= PLUS_COLUMNS


def read(table: Path, films: Path) -> FilmSet:
    """CheXpert; raises InputError ``bad_film_set``."""
    labels = film_set_labels()["chexpert"]
    finder = _Finder(films)
    found: dict[str, Film] = {}
    for row in rows_of(table, COLUMNS | {"Path"}):
        path = finder.find(row["Path"])
        if path is None:
            continue
        found[row["Path"]] = Film(
            path,
            row["Path"],
            _patient(row["Path"]),
            view=_view(row["Frontal/Lateral"], row["AP/PA"]),
            labels=told(row, labels.labels),
        )
    return FilmSet(labels.name, tuple(found.values()), labels.source, labels.codes, finder.missing)


def read_plus(table: Path, films: Path) -> FilmSet:
    """CheXpert Plus; raises InputError ``bad_film_set``."""
    labels = film_set_labels()["chexpert_plus"]
    given = _plus_labels(table.parent)
    finder = _Finder(films)
    found: dict[str, Film] = {}
    for row in rows_of(table, PLUS_COLUMNS):
        name = row["path_to_image"]
        path = finder.find(name)
        if path is None:
            continue
        found[name] = Film(
            path,
            name,
            row["deid_patient_id"] or _patient(name),
            view=_view(row["frontal_lateral"], row["ap_pa"]),
            labels=told(given.get(name, {}), labels.labels),
            report="\n".join(
                f"{title}: {row[column]}" for column, title in _SECTIONS if row.get(column)
            ),
        )
    codes = labels.codes if given else ()
    return FilmSet(labels.name, tuple(found.values()), labels.source, codes, finder.missing)


def _patient(path: str) -> str:
    for part in Path(path).parts:
        if part.startswith("patient"):
            return part
    raise bad_set("a path has no folder of a patient")


def _view(direction: str, projection: str) -> View:
    if direction.lower().startswith("l"):
        return View.LATERAL
    return View(projection) if projection in (View.PA, View.AP) else View.UNKNOWN


@dataclass(slots=True)
class _Finder:
    """Finds films wherever a release put them; what worked last is tried first."""

    root: Path
    missing: int = 0
    _way: tuple[str, bool] = ("", False)
    _ways: tuple[tuple[str, bool], ...] = field(
        default=tuple((folder, cut) for folder in _FOLDERS for cut in (False, True))
    )

    def find(self, name: str) -> Path | None:
        for way in (self._way, *self._ways):
            for path in self._candidates(name, *way):
                if path.is_file():
                    self._way = way
                    return path
        self.missing += 1
        return None

    def _candidates(self, name: str, folder: str, cut: bool) -> Iterator[Path]:
        first, _, rest = name.partition("/")
        if cut and not (first.startswith(_RELEASE) and rest):
            return
        path = inside(self.root, f"{folder}/{rest if cut else name}".lstrip("/") if name else "")
        yield path
        if path.suffix.lower() in (".jpg", ".jpeg"):
            yield path.with_suffix(".png")


def _plus_labels(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """By ``path_to_image``; empty where there is no such file."""
    for name in _PLUS_LABELS:
        if (folder / name).is_file():
            return dict(_json_lines(folder / name))
    return {}


def _json_lines(path: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file):
                if number >= MOST_ROWS:
                    raise bad_set(f"{path.name}: more than {MOST_ROWS:,} lines")
                if line.strip():
                    yield _labels_in(json.loads(line))
    except (OSError, UnicodeError, ValueError, RecursionError):
        raise bad_set(f"{path.name} is not lines of JSON") from None


def _labels_in(record: Any) -> tuple[str, Mapping[str, str]]:
    if not isinstance(record, dict) or not isinstance(record.get("path_to_image"), str):
        raise ValueError("no record of a film")
    cells = {name: "" if cell is None else str(cell) for name, cell in record.items()}
    return record["path_to_image"], cells
