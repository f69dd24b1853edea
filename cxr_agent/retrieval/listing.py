"""Which films to put into a store: every one of a folder, or those that a table names."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Polarity
from cxr_agent.retrieval import labels as named

_ENDINGS: Final = (".dcm", ".dicom", ".png", ".jpg", ".jpeg", "")
_PATH: Final = ("path", "file", "filename", "image", "image_path", "image index", "dicom_path")
_PATIENT: Final = ("patient", "patient_id", "patientid", "patient id", "subject_id")
_LABELS: Final = ("labels", "label", "finding labels", "findings", "finding")
_REPORT: Final = ("report",)
_CELL_AT_MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A file, and what the list says of it."""

    path: Path
    patient: str = ""
    """Whose film it is, where the list tells."""
    perhaps: str = ""
    """Whose film it seems to be by its place; what the file itself says goes before it."""
    labels: Mapping[str, Polarity] = field(default_factory=dict)
    report: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """All files, and what in the list was not understood."""

    films: tuple[Listed, ...]
    unknown_labels: int = 0
    """Names of labels that are no finding of this program's vocabulary."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; where one is empty, the usual names are looked for."""

    path: str = ""
    patient: str = ""
    labels: str = ""
    report: tuple[str, ...] = ()


def listing_of(source: Path, columns: Columns | None = None, root: Path | None = None) -> Listing:
    """What ``source`` names, in a fixed order.

    Parameters
    ----------
    source
        A folder, whose films are looked for at any depth, one folder within it being one patient;
        or a table (CSV, UTF-8) with a column of paths.
    root
        Folder that a table's paths start in; its own where none is given.

    Raises
    ------
    UsageError
        ``no_films``, ``bad_table``, ``no_column``.
    """
    if source.is_dir():
        return Listing(tuple(_in_folder(source)))
    if not source.is_file():
        raise UsageError("no_films", "there is no such folder or table", hint="Check the path.")
    return _in_table(source, columns or Columns(), root or source.parent)


def _in_folder(folder: Path) -> Iterator[Listed]:
    for place, inner, files in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        here = Path(place)
        parts = here.relative_to(folder).parts
        for name in sorted(files):
            path = here / name
            if not name.startswith(".") and path.suffix.lower() in _ENDINGS:
                yield Listed(path, perhaps=parts[0] if parts else "")


def _in_table(table: Path, columns: Columns, root: Path) -> Listing:
    csv.field_size_limit(_CELL_AT_MOST)
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            header = [name for name in reader.fieldnames or () if name]
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error):
        raise UsageError(
            "bad_table",
            "the table cannot be read",
            hint="Give a CSV file in UTF-8 whose first line names the columns.",
        ) from None
    path = _column(header, columns.path, _PATH)
    if path is None:
        raise UsageError(
            "no_column",
            "no column of the table holds paths",
            hint=f"Name it with --path-column, or call it {_PATH[0]}.",
        )
    patient = _column(header, columns.patient, _PATIENT)
    listed = _column(header, columns.labels, _LABELS)
    reports = [_wanted(header, name) for name in columns.report]
    if not reports and (usual := _column(header, "", _REPORT)) is not None:
        reports = [usual]
    single = {name: code for name in header if (code := named.code_of(name)) is not None}
    films: list[Listed] = []
    unknown = 0
    for row in rows:
        if not (row.get(path) or "").strip():
            continue
        found: dict[str, Polarity] = {}
        if listed is not None:
            found, strange = named.of_list(row.get(listed) or "")
            unknown += strange
        for name, code in single.items():
            said = named.of_cell(row.get(name) or "")
            if said is not None:
                found[code] = said
        report = "\n".join(part for name in reports if (part := (row.get(name) or "").strip()))
        if not found and report:
            found = named.of_report(report)
        whose = (row.get(patient) or "").strip() if patient else ""
        place = root / str(row[path]).strip()
        films.append(Listed(place, whose, labels=found, report=report))
    return Listing(tuple(films), unknown)


def _column(header: Sequence[str], wanted: str, usual: Sequence[str]) -> str | None:
    if wanted:
        return _wanted(header, wanted)
    by_name = {name.strip().lower(): name for name in header}
    return next((by_name[name] for name in usual if name in by_name), None)


def _wanted(header: Sequence[str], name: str) -> str:
    if name not in header:
        raise UsageError(
            "no_column",
            f"the table has no column {name[:40]!r}",
            hint=f"It has: {', '.join(header)[:200]}.",
        )
    return name
