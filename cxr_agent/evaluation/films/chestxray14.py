"""ChestX-ray8 and ChestX-ray14: ``Data_Entry_2017.csv``, ``BBox_List_2017.csv`` and the films.

Wang et al., CVPR 2017. Films lie in the folder or up to three levels below it, as the set's
archives unpack (``images_001/images/``). Where ``test_list.txt`` lies beside the table, the films
that it names are the set. Boxes are given for films of 1024 px, as the set distributes them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cxr_agent.evaluation.films.files import bad_set, files_below, number_in, rows_of
from cxr_agent.evaluation.films.labels import all_labelled, named
from cxr_agent.evaluation.films.model import Film, FilmSet, LabelledBox
from cxr_agent.evidence import Box
from cxr_agent.knowledge import FilmSetLabels, film_set_labels
from cxr_agent.study import View

SET: Final = "chestxray14"
COLUMNS: Final = frozenset({"Image Index", "Finding Labels", "Patient ID", "View Position"})
_BOXES: Final = "BBox_List_2017.csv"
_BOX_COLUMNS: Final = ("Bbox [x", "y", "w", "h]")
_TEST: Final = "test_list.txt"
_ENDINGS: Final = frozenset({".png", ".jpg", ".jpeg"})
_SIDE: Final = 1024
_LONGEST_LIST: Final = 1 << 24


def is_format(columns: frozenset[str]) -> bool:
    """Whether a table of these columns is one."""
    return columns >= COLUMNS


def read(table: Path, films: Path) -> FilmSet:
    """The set; raises InputError ``bad_film_set``."""
    labels = film_set_labels()[SET]
    files = files_below(films, _ENDINGS)
    boxes = _boxes(table.parent / _BOXES, labels)
    wanted = _test_list(table.parent / _TEST)
    found: dict[str, Film] = {}
    missing = 0
    for row in rows_of(table, COLUMNS):
        name = row["Image Index"]
        if wanted is not None and name not in wanted:
            continue
        if name in found:
            raise bad_set(f"{table.name}: a film is there twice")
        if name not in files:
            missing += 1
            continue
        found[name] = Film(
            files[name],
            name,
            row["Patient ID"].lstrip("0") or "0",
            view=_view(row["View Position"]),
            labels=all_labelled(row["Finding Labels"].split("|"), labels),
            boxes=_scaled(boxes.get(name, ()), files[name]),
        )
    return FilmSet(labels.name, tuple(found.values()), labels.source, labels.codes, missing)


def _view(cell: str) -> View:
    return View(cell) if cell in (View.PA, View.AP) else View.UNKNOWN


def _test_list(path: Path) -> frozenset[str] | None:
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8") as file:
            return frozenset(file.read(_LONGEST_LIST).split())
    except (OSError, UnicodeError):
        raise bad_set(f"{_TEST} cannot be read") from None


def _boxes(table: Path, labels: FilmSetLabels) -> Mapping[str, tuple[LabelledBox, ...]]:
    """By film, in pixels of films of 1024 px. The header is ``Bbox [x,y,w,h]``: four columns."""
    if not table.is_file():
        return {}
    found: dict[str, list[LabelledBox]] = defaultdict(list)
    for row in rows_of(table, ("Image Index", "Finding Label", *_BOX_COLUMNS)):
        sides = [number_in(row[name], _BOXES) for name in _BOX_COLUMNS]
        x, y, width, height = (-1.0 if one is None else one for one in sides)
        if x < 0 or y < 0 or width <= 0 or height <= 0 or max(x + width, y + height) > _SIDE + 1:
            raise bad_set(f"{_BOXES}: a box does not lie on a film of {_SIDE} px")
        box = (round(x), round(y), round(x + width), round(y + height))
        for code in sorted(named([row["Finding Label"]], labels)):
            found[row["Image Index"]].append(LabelledBox(code, box))
    return {name: tuple(some) for name, some in found.items()}


def _scaled(boxes: tuple[LabelledBox, ...], film: Path) -> tuple[LabelledBox, ...]:
    """In pixels of the film, which may be a smaller copy of the whole."""
    if not boxes:
        return ()
    from PIL import Image

    try:
        with Image.open(film, formats=("PNG", "JPEG")) as picture:
            width, height = picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return boxes  # the reading will refuse this film
    return tuple(
        LabelledBox(one.finding, _at(one.box, width / _SIDE, height / _SIDE)) for one in boxes
    )


def _at(box: Box, across: float, down: float) -> Box:
    left, top = round(box[0] * across), round(box[1] * down)
    right, bottom = round(box[2] * across), round(box[3] * down)
    return left, top, max(right, left + 1), max(bottom, top + 1)
