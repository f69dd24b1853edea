"""Labels of public sets, as their tables write them, in the findings of the knowledge base."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from cxr_agent.evaluation.films.files import bad_set
from cxr_agent.knowledge import FilmSetLabels

_CELLS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("1", "1.0"), True),
    **dict.fromkeys(("0", "0.0"), False),
    **dict.fromkeys(("-1", "-1.0"), None),
}


def named(names: Iterable[str], table: FilmSetLabels) -> frozenset[str]:
    """The findings that a list of labels names; raises InputError ``bad_film_set``."""
    found: set[str] = set()
    for name in names:
        if name in table.labels:
            found.update(table.labels[name])
        elif name not in table.not_here:
            raise bad_set(f"a label is none of {table.name}")
    return frozenset(found)


def all_labelled(names: Iterable[str], table: FilmSetLabels) -> dict[str, bool | None]:
    """Every finding of a set whose films have what is listed and nothing else of it."""
    found = named(names, table)
    return {code: code in found for code in table.codes}


def told(cells: Mapping[str, str], codes: Mapping[str, Iterable[str]]) -> dict[str, bool | None]:
    """Findings by cells of 1, 0, -1 for uncertain, and nothing for not labelled.

    Raises
    ------
    InputError
        ``bad_film_set`` for any other cell.
    """
    found: dict[str, bool | None] = {}
    for column, here in codes.items():
        cell = cells.get(column, "")
        if not cell or cell.lower() in ("nan", "null", "none"):
            continue
        if cell not in _CELLS:
            raise bad_set(f"a cell of {column} is none of 1, 0, -1 and empty")
        for code in here:
            found[code] = _CELLS[cell]
    return found
