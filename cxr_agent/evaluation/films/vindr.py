"""VinDr-CXR's boxes: ``annotations_*.csv`` of ``image_id,class_name,x_min,y_min,x_max,y_max``.

Nguyen et al., Sci Data 2022. The training set has a row for each box of each of three readers
(``rad_id``): a finding is present where two of three marked it, absent where none did, and
uncertain in between. Its test set has the readers' consensus and no ``rad_id``. Films are
``<image_id>.dicom`` in the folder or up to three levels below it. The set names no patients: each
film is a patient of its own.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cxr_agent.evaluation.films.files import bad_set, files_below, number_in, rows_of
from cxr_agent.evaluation.films.labels import named
from cxr_agent.evaluation.films.model import Film, FilmSet, LabelledBox
from cxr_agent.knowledge import FilmSetLabels, film_set_labels
from cxr_agent.study import View

SET: Final = "vindr"
COLUMNS: Final = frozenset({"image_id", "class_name", "x_min", "y_min", "x_max", "y_max"})
_READER: Final = "rad_id"
_ENDINGS: Final = frozenset({".dicom", ".dcm", ".png", ".jpg", ".jpeg"})
_AGREE: Final = 2


def is_format(columns: frozenset[str]) -> bool:
    """Whether a table of these columns is one."""
    return columns >= COLUMNS


@dataclass(slots=True)
class _Marked:
    """What was marked on one film."""

    readers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Who marked each finding."""
    boxes: list[LabelledBox] = field(default_factory=list)


def read(table: Path, films: Path) -> FilmSet:
    """The set; raises InputError ``bad_film_set``."""
    labels = film_set_labels()[SET]
    files = {path.stem: path for path in files_below(films, _ENDINGS).values()}
    marked: dict[str, _Marked] = defaultdict(_Marked)
    several = False
    for row in rows_of(table, COLUMNS):
        several = several or bool(row.get(_READER))
        _add(marked[row["image_id"]], row, labels)
    found = tuple(
        _film(files[name], name, one, labels, _AGREE if several else 1)
        for name, one in marked.items()
        if name in files
    )
    return FilmSet(labels.name, found, labels.source, labels.codes, len(marked) - len(found))


def _add(marked: _Marked, row: dict[str, str], labels: FilmSetLabels) -> None:
    codes = sorted(named([row["class_name"]], labels))
    sides = [number_in(row[name], name) for name in ("x_min", "y_min", "x_max", "y_max")]
    for code in codes:
        marked.readers[code].add(row.get(_READER, ""))
    if any(side is None for side in sides):
        return
    left, top, right, bottom = (round(side) for side in sides if side is not None)
    if not (0 <= left <= right and 0 <= top <= bottom):
        raise bad_set("a box has its ends the wrong way round, or begins outside the film")
    box = (left, top, max(right, left + 1), max(bottom, top + 1))
    marked.boxes += [LabelledBox(code, box) for code in codes]


def _film(path: Path, name: str, marked: _Marked, labels: FilmSetLabels, agree: int) -> Film:
    counts = {code: len(marked.readers.get(code, ())) for code in labels.codes}
    told = {
        code: True if count >= agree else False if count == 0 else None
        for code, count in counts.items()
    }
    boxes = tuple(one for one in marked.boxes if told[one.finding])
    return Film(path, name, name, view=View.PA, labels=told, boxes=boxes)
