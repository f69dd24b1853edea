"""``cases.csv``: films of one's own, with whatever is known of them.

Columns, of which ``file`` alone is needed; files and folders are named from the table's folder:

==============  ==============================================================================
``file``        DICOM, PNG or JPEG
``patient``     any word; without it each film is a patient of its own
``view``        PA, AP or LATERAL
``days``        whole days, to tell the order of one patient's films
``ctr``         cardiothoracic ratio by a reader
``spacing_mm``  distance of pixel centres in the patient, where the file does not say it
``masks``       folder with ``<structure>.png`` (white inside) by ``kb/structures.toml``
``report``      text file
(a finding)     1 present, 0 absent, -1 uncertain, empty not labelled; ``kb/vocabulary.toml``
==============  ==============================================================================

``boxes.csv`` beside it: ``file,finding,left,top,right,bottom`` in film pixels, right and bottom
exclusive.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_agent.errors import InputError
from cxr_agent.evaluation.films.files import (
    bad_set,
    columns_of,
    inside,
    number_in,
    read_mask,
    rows_of,
    whole_in,
)
from cxr_agent.evaluation.films.labels import told
from cxr_agent.evaluation.films.model import LUNGS, Film, FilmSet, LabelledBox, Masks
from cxr_agent.knowledge import structures, vocabulary
from cxr_agent.study import View

TABLE: Final = "cases.csv"
BOXES: Final = "boxes.csv"
_KNOWN: Final = ("file", "patient", "view", "days", "ctr", "spacing_mm", "masks", "report")
_BOX_COLUMNS: Final = ("file", "finding", "left", "top", "right", "bottom")
_LONGEST_REPORT: Final = 1 << 18


def is_format(columns: frozenset[str]) -> bool:
    """Whether a table of these columns is one."""
    return "file" in columns


def read(table: Path, films: Path) -> FilmSet:
    """The set; raises InputError ``bad_film_set``."""
    findings = _findings(columns_of(table))
    boxes = _boxes(table.parent / BOXES)
    found: list[Film] = []
    missing = 0
    for row in rows_of(table, ("file",)):
        path = inside(films, row["file"])
        if path.is_file():
            found.append(_Row(row, table.parent).film(path, findings, boxes))
        else:
            missing += 1
    labelled = {box.finding for some in boxes.values() for box in some}
    return FilmSet(
        "own films",
        tuple(found),
        f"{TABLE} of the user",
        (*findings, *sorted(labelled - set(findings))),
        missing,
    )


def _findings(columns: tuple[str, ...]) -> tuple[str, ...]:
    known = _finding_codes()
    others = [name for name in columns if name and name not in _KNOWN]
    for name in others:
        if name not in known:
            near = difflib.get_close_matches(name, (*known, *_KNOWN), 1)
            raise bad_set(
                f"{TABLE}: a column is named after no finding: {name[:40]!r}",
                hint=f"Did you mean {near[0]}?" if near else "kb/vocabulary.toml lists them.",
            )
    return tuple(others)


def _finding_codes() -> frozenset[str]:
    return frozenset(code for code, term in vocabulary().items() if term.kind == "finding")


@dataclass(frozen=True, slots=True)
class _Row:
    cells: Mapping[str, str]
    folder: Path

    def film(
        self,
        path: Path,
        findings: tuple[str, ...],
        boxes: Mapping[str, tuple[LabelledBox, ...]],
    ) -> Film:
        cells = self.cells
        name = cells["file"]
        spacing = number_in(cells.get("spacing_mm", ""), "spacing_mm")
        if spacing is not None and spacing <= 0:
            raise bad_set("a cell of spacing_mm is not above 0")
        ctr = number_in(cells.get("ctr", ""), "ctr")
        if ctr is not None and not 0 < ctr <= 1:
            raise bad_set("a cell of ctr is not between 0 and 1")
        masks = cells.get("masks", "")
        return Film(
            path,
            name,
            cells.get("patient", "") or name,
            view=self._view(),
            days=whole_in(cells.get("days", ""), "days"),
            labels=told(cells, {code: (code,) for code in findings}),
            boxes=boxes.get(name, ()),
            ctr=ctr,
            report=self._report(),
            masks=_Masks(inside(self.folder, masks)) if masks else None,
            spacing_mm=None if spacing is None else (spacing, spacing),
        )

    def _view(self) -> View:
        cell = self.cells.get("view", "").upper()
        if cell and cell not in set(View):
            raise bad_set("a cell of view is none of PA, AP, LATERAL and UNKNOWN")
        return View(cell) if cell else View.UNKNOWN

    def _report(self) -> str:
        name = self.cells.get("report", "")
        if not name:
            return ""
        try:
            with inside(self.folder, name).open(encoding="utf-8") as file:
                return file.read(_LONGEST_REPORT)
        except (OSError, UnicodeError):
            raise bad_set("a report that the table names cannot be read") from None


@dataclass(frozen=True, slots=True)
class _Masks:
    folder: Path

    def __call__(self) -> Masks:
        found = {path.stem: path for path in sorted(self.folder.glob("*.png"))}
        for name, path in found.items():
            if name not in structures() and name != LUNGS:
                raise InputError(
                    "bad_mask",
                    f"a mask is named after no structure: {name[:40]!r}",
                    hint="kb/structures.toml lists them.",
                )
            if path.is_symlink():
                raise InputError("bad_mask", "a mask is a link", hint="Put the file itself there.")
        return {name: read_mask(path) for name, path in found.items()}


def _boxes(table: Path) -> dict[str, tuple[LabelledBox, ...]]:
    if not table.is_file():
        return {}
    known = _finding_codes()
    found: dict[str, list[LabelledBox]] = defaultdict(list)
    for row in rows_of(table, _BOX_COLUMNS):
        sides = [whole_in(row[name], name) for name in _BOX_COLUMNS[2:]]
        left, top, right, bottom = (-1 if one is None else one for one in sides)
        if row["finding"] not in known:
            raise bad_set(f"{BOXES}: a finding is none of kb/vocabulary.toml")
        if not (0 <= left < right and 0 <= top < bottom):
            raise bad_set(f"{BOXES}: a box has no area, or begins outside the film")
        found[row["file"]].append(LabelledBox(row["finding"], (left, top, right, bottom)))
    return {name: tuple(some) for name, some in found.items()}
