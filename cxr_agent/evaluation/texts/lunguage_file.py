"""Lunguage's own rows: its data set's table, and what its structuring writes.

Columns ``subject_id``, ``study_id``, ``sequence`` (order in time), ``ent`` or ``entity``, one per
attribute under Lunguage's names, and of rows that were linked over dates an entity group and a
temporal group. So its annotations, or a language model's rows, can be scored in place of ours.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_agent.errors import InputError
from cxr_agent.evaluation.texts.lunguage import WEIGHTS
from cxr_agent.evaluation.texts.timeline import Row

_MOST_ROWS: Final = 2_000_000
_ENTITY: Final = ("ent", "entity")
_GROUP: Final = ("entity_group", "gt_entity_group", "LLM_cluster")
_EPISODE: Final = ("episode", "temporal_group", "gt_temporal_group")
_EMPTY: Final = frozenset({"", "nan", "none"})


@dataclass(frozen=True, slots=True)
class LunguageFile:
    """A table's rows."""

    studies: dict[str, tuple[Row, ...]]
    """By study, without what is told as history: for scores within one date."""
    patients: dict[str, tuple[Row, ...]]
    """By patient, of rows that are linked over dates: for scores across them."""


def read_lunguage(path: Path) -> LunguageFile:
    """Read a table.

    The temporal group is the episode, as the paper has it. The package lunguage-score 1.0.0 counts
    it only where the column is called ``episode``.

    Raises
    ------
    InputError
        ``unreadable_report`` when it is no such table.
    """
    studies: dict[str, list[Row]] = {}
    patients: dict[str, list[Row]] = {}
    order = _Order()
    for columns in _lines(path):
        entity = _first(columns, _ENTITY)
        if not entity:
            continue
        patient, study = columns["subject_id"].strip(), columns["study_id"].strip()
        group = _first(columns, _GROUP)
        row = Row(
            entity=entity,
            attributes={name: text for name in WEIGHTS if (text := _first(columns, (name,)))},
            study=order.study(patient, study, _first(columns, ("sequence",))),
            group=group or entity,
            episode=order.episode(patient, group or entity, _first(columns, _EPISODE)),
        )
        if _first(columns, ("section",)) != "hist":
            studies.setdefault(study, []).append(row)
        if group:
            patients.setdefault(patient, []).append(row)
    return LunguageFile(
        {study: tuple(rows) for study, rows in studies.items()},
        {patient: tuple(rows) for patient, rows in patients.items()},
    )


def _lines(path: Path) -> Iterator[Mapping[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, columns in enumerate(csv.DictReader(file, strict=True)):
                if number == 0 and not _is_lunguage(columns):
                    raise _unreadable("it lacks subject_id, study_id, ent or dx_status")
                if number >= _MOST_ROWS or None in columns or None in columns.values():
                    raise _unreadable(f"line {number + 2} has another number of columns")
                yield columns
    except (OSError, ValueError, csv.Error) as error:
        raise _unreadable(type(error).__name__) from None


def _is_lunguage(columns: Mapping[str, str]) -> bool:
    needed = {"subject_id", "study_id", "dx_status"}
    return needed <= set(columns) and bool(set(_ENTITY) & set(columns))


def _first(columns: Mapping[str, str], names: tuple[str, ...]) -> str:
    """The first of some columns that says something."""
    texts = (columns.get(name, "").strip() for name in names)
    return next((text for text in texts if text.lower() not in _EMPTY), "")


class _Order:
    """Numbers for studies and episodes, whatever the table calls them."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[str, int]] = {}

    def study(self, patient: str, study: str, sequence: str) -> int:
        """``sequence`` where it is a number, else the place in which the table names the study."""
        return _number(sequence, self._place(patient, "", study))

    def episode(self, patient: str, group: str, episode: str) -> int:
        """Likewise, within an entity group; 1 where none is given."""
        return _number(episode, self._place(patient, group, episode) + 1 if episode else 1)

    def _place(self, patient: str, group: str, name: str) -> int:
        places = self._known.setdefault((patient, group), {})
        return places.setdefault(name, len(places))


def _number(text: str, otherwise: int) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return otherwise


def _unreadable(reason: str) -> InputError:
    return InputError(
        "unreadable_report",
        f"the table cannot be read as Lunguage's: {reason}",
        hint="Give Lunguage.csv, or a table that its structuring wrote.",
    )
