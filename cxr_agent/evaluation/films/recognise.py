"""Which format a folder or table is in, by its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from cxr_agent.errors import InputError, UsageError
from cxr_agent.evaluation.films import (
    bit_planes,
    chestxray14,
    chexpert,
    covid,
    own,
    vindr,
)
from cxr_agent.evaluation.films.files import bad_set, columns_of
from cxr_agent.evaluation.films.model import FilmSet

_Reader = Callable[[Path, Path], FilmSet]

_TABLES: Final[tuple[tuple[Callable[[frozenset[str]], bool], _Reader], ...]] = (
    (chestxray14.is_format, chestxray14.read),
    (covid.is_format, covid.read),
    (chexpert.is_format, chexpert.read),
    (chexpert.is_plus, chexpert.read_plus),
    (vindr.is_format, vindr.read),
    (own.is_format, own.read),
)
_MOST_TABLES: Final = 100
_HINT: Final = "docs/film_sets.md shows each format; --films names the folder of the films."


def films_of(data: Path, films: Path | None = None) -> FilmSet:
    """The films of a set in any of the formats that are read.

    Parameters
    ----------
    data
        The set's folder, or its table.
    films
        Where the films lie; beside the table where it is not given.

    Raises
    ------
    UsageError
        ``no_film_set``: there is no such folder, or ``several_tables``.
    InputError
        ``bad_film_set``: no format fits, a table is malformed, or no film is there.
    """
    if not data.exists():
        raise UsageError("no_film_set", "there is no such folder or table", hint=_HINT)
    if films is not None and not films.is_dir():
        raise UsageError("no_film_set", "there is no such folder of films", hint=_HINT)
    found = _read(data, films)
    if not found.films:
        raise bad_set(f"none of the films of {found.name} is there", hint=_HINT)
    names = [one.name for one in found.films]
    if len(set(names)) != len(names):
        raise bad_set(f"{found.name}: a film is there twice")
    return found


def _read(data: Path, films: Path | None) -> FilmSet:
    if data.is_file():
        reader = _reader_of(data)
        if reader is None:
            raise bad_set("the table is in no format that is read", hint=_HINT)
        return reader(data, films or data.parent)
    tables = [data / own.TABLE] if (data / own.TABLE).is_file() else _tables(data)
    if len(tables) > 1:
        raise UsageError(
            "several_tables",
            "the folder holds several tables of films",
            hint="Name one of them with --data.",
        )
    if tables:
        reader = _reader_of(tables[0])
        if reader is not None:
            return reader(tables[0], films or data)
    if bit_planes.is_format(data):
        return bit_planes.read(data)
    raise bad_set("the folder is in no format that is read", hint=_HINT)


def _tables(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.csv"))[:_MOST_TABLES]
    return [path for path in found if _reader_of(path) is not None]


def _reader_of(table: Path) -> _Reader | None:
    try:
        columns = frozenset(columns_of(table))
    except InputError:
        return None
    return next((reader for is_format, reader in _TABLES if is_format(columns)), None)
