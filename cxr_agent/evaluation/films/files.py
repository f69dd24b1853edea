"""What every reader of film sets does with files that it does not trust: tables, names, masks."""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_ROWS: Final = 2_000_000
MOST_ENTRIES: Final = 500_000
"""Names that are looked at below one folder."""
_DEEPEST: Final = 3
_LONGEST_NAME: Final = 512
_INSIDE: Final = 127
_MOST_PIXELS: Final = 100_000_000


def bad_set(what: str, hint: str = "docs/film_sets.md shows each format.") -> InputError:
    """The error of all readers; ``what`` holds no cell of a table, which may name a patient."""
    return InputError("bad_film_set", what, hint=hint)


def columns_of(table: Path) -> tuple[str, ...]:
    """The names of a table's columns; empty where it is no table.

    Raises
    ------
    InputError
        ``bad_film_set`` when it cannot be read.
    """
    return tuple(name.strip() for name in next(_lines(table), []))


def rows_of(table: Path, required: Collection[str] = ()) -> Iterator[dict[str, str]]:
    """Rows by column, cells without blanks at their ends; a cell that is not there is empty.

    Raises
    ------
    InputError
        ``bad_film_set``: a column is missing or there twice, the table is no UTF-8 CSV, or too
        long.
    """
    lines = _lines(table)
    header = [name.strip() for name in next(lines, [])]
    named = [name for name in header if name]
    if len(set(named)) != len(named):
        raise bad_set(f"{table.name}: a column is there twice")
    missing = sorted(set(required) - set(header))
    if missing:
        raise bad_set(f"{table.name}: the column {missing[0]} is missing")
    for number, cells in enumerate(lines):
        if number >= MOST_ROWS:
            raise bad_set(f"{table.name}: more than {MOST_ROWS:,} rows")
        if any(cells):
            filled = [*cells, *[""] * (len(header) - len(cells))]
            yield {name: cell.strip() for name, cell in zip(header, filled, strict=False) if name}


def _lines(table: Path) -> Iterator[list[str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.reader(file)
    except (OSError, UnicodeError, csv.Error):
        raise bad_set(
            f"{table.name} cannot be read as a table", hint="It is CSV with commas, in UTF-8."
        ) from None


def inside(root: Path, name: str) -> Path:
    """The path of a file that a table names below a folder; it may be missing.

    Raises
    ------
    InputError
        ``bad_film_set`` for a name that leaves the folder, by its parts or by a link.
    """
    parts = Path(name).parts
    wrong = not name or len(name) > _LONGEST_NAME or "\0" in name or "\\" in name
    if wrong or Path(name).is_absolute() or ".." in parts:
        raise bad_set("a file is named that does not lie in the folder of the films")
    path = root / name
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise bad_set("a file is named that a link leads out of the folder of the films")
    return path


def files_below(root: Path, endings: Collection[str]) -> dict[str, Path]:
    """The files of a folder and of three levels below, by name; the first of equal names counts.

    Links are not followed.

    Raises
    ------
    InputError
        ``bad_film_set`` with more than :data:`MOST_ENTRIES` names.
    """
    found: dict[str, Path] = {}
    seen = 0
    start = len(root.parts)
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders.sort()
        if len(here.parts) - start >= _DEEPEST:
            folders.clear()
        seen += len(names) + len(folders)
        if seen > MOST_ENTRIES:
            raise bad_set(f"the folder holds more than {MOST_ENTRIES:,} files")
        for name in sorted(names):
            path = here / name
            if path.suffix.lower() in endings and not path.is_symlink():
                found.setdefault(name, path)
    return found


def read_grey(path: Path) -> NDArray[np.uint8]:
    """(rows, columns) of an 8-bit PNG.

    Raises
    ------
    InputError
        ``bad_mask``.
    """
    from PIL import Image as Pillow

    try:
        with Pillow.open(path, formats=("PNG",)) as picture:
            return np.asarray(_checked(picture).convert("L"), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError):
        raise InputError(
            "bad_mask", "a mask of the set cannot be read", hint="Masks are 8-bit grey PNG."
        ) from None


def _checked(picture: Image) -> Image:
    if picture.width * picture.height > _MOST_PIXELS or picture.mode not in ("1", "L", "P"):
        raise ValueError("no mask")
    return picture


def read_mask(path: Path) -> NDArray[np.bool_]:
    """(rows, columns) of a mask in black and white; raises as :func:`read_grey`."""
    return read_grey(path) > _INSIDE


def number_in(cell: str, what: str) -> float | None:
    """A finite number, None for an empty cell; raises InputError ``bad_film_set``."""
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise bad_set(f"a cell of {what} is no number")
    return value


def whole_in(cell: str, what: str) -> int | None:
    """A whole number, None for an empty cell; raises InputError ``bad_film_set``."""
    value = number_in(cell, what)
    if value is not None and (value != int(value) or abs(value) > 10**7):
        raise bad_set(f"a cell of {what} is no whole number")
    return None if value is None else int(value)
