"""A table of the user's that says which site, date or group each study is of."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from cxr_agent.batch.inputs import is_local
from cxr_agent.batch.layout import study_id
from cxr_agent.batch.ledger import Settled
from cxr_agent.errors import UsageError

_KEYS: Final = ("study", "name", "file", "film", "path", "image")
"""Columns that say which study a line is about; the first of them counts."""
USUAL: Final = ("group", "site", "date")
"""Columns that studies are grouped by where nobody chose one."""
_DELIMITERS: Final = ",;\t"
_DATE: Final = re.compile(r"((?:19|20)\d\d)-?(0[1-9]|1[0-2])(?:-?(?:0[1-9]|[12]\d|3[01]))?(?!\d)")
_LONGEST: Final = 60
"""Characters of a group's name."""


class GroupsTable:
    """Groups of studies by the columns of a CSV file.

    A line names a study as the batch does, by its opaque number, or by one of its films: a whole
    path, a path from the table's folder, or the file's name alone. A column in which every entry
    is a date groups by month.

    Parameters
    ----------
    path
        UTF-8, with a header; commas, semicolons or tabs.

    Raises
    ------
    UsageError
        ``groups_not_readable``, ``bad_groups``.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path.absolute().parent
        self._rows: dict[str, tuple[str, ...]] = {}
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                first = file.readline()
                delimiter = max(_DELIMITERS, key=first.count)
                file.seek(0)
                self._read(csv.reader(file, delimiter=delimiter))
        except OSError as error:
            raise UsageError(
                "groups_not_readable",
                f"the table of groups cannot be read: {error.strerror}",
                hint="Check the path after --groups.",
            ) from None
        except (UnicodeDecodeError, csv.Error):
            raise _bad("it is no CSV table in UTF-8") from None

    def _read(self, lines: Iterator[list[str]]) -> None:
        header = [name.strip().casefold() for name in next(lines, [])]
        key = next((header.index(name) for name in _KEYS if name in header), None)
        if key is None:
            raise _bad(f"none of its columns is called {', '.join(_KEYS)}")
        chosen = [i for i, name in enumerate(header) if i != key and name]
        self.columns = tuple(header[i] for i in chosen)
        if not chosen or len(set(self.columns)) < len(self.columns):
            raise _bad("it needs at least one column of groups, each with a name of its own")
        for line in lines:
            if len(line) <= key or not line[key].strip():
                continue
            groups = tuple(line[i].strip() if i < len(line) else "" for i in chosen)
            if self._rows.setdefault(line[key].strip(), groups) != groups:
                raise _bad(f"line {getattr(lines, 'line_num', 0)} puts a study in another group")
        self._by_month = tuple(map(self._is_of_dates, range(len(chosen))))

    def _is_of_dates(self, column: int) -> bool:
        """Eight bare digits are a date only where the column says so: they may number a site."""
        dated = "date" in self.columns[column]
        entries = {groups[column] for groups in self._rows.values()} - {""}
        return bool(entries) and all(
            _DATE.match(entry) and (dated or "-" in entry) for entry in entries
        )

    def usual(self) -> tuple[str, ...]:
        """Columns to group by where nobody chose one.

        Raises
        ------
        UsageError
            ``unknown_facet``: none of the usual ones is there, and more than one other.
        """
        usual = tuple(name for name in USUAL if name in self.columns)
        if usual or len(self.columns) == 1:
            return usual or self.columns
        raise UsageError(
            "unknown_facet",
            "the table of groups has several columns",
            hint=f"Choose with --by: {', '.join(self.columns)[:200]}.",
        )

    def of(self, settled: Settled, folder: Path) -> Mapping[str, str]:
        """The groups of a study, by column; empty where the table does not name it."""
        for name in self._names(settled):
            groups = self._rows.get(name)
            if groups is not None:
                shown = (
                    _month(group) if by_month else group[:_LONGEST]
                    for group, by_month in zip(groups, self._by_month, strict=True)
                )
                return dict(zip(self.columns, shown, strict=True))
        return {}

    def _names(self, settled: Settled) -> Iterator[str]:
        yield settled.study.name
        yield study_id(settled.number)
        films: Sequence[str] = settled.study.films
        yield from films
        for film in films:
            if is_local(film):
                yield os.path.relpath(film, self._folder)
            yield film.rpartition("/")[2]


def _month(date: str) -> str:
    found = _DATE.match(date)
    return f"{found[1]}-{found[2]}" if found else ""


def _bad(why: str) -> UsageError:
    return UsageError(
        "bad_groups",
        f"the table of groups is not understood: {why}",
        hint="A header such as file,site,date, and one line for each study.",
    )
