"""Chest ImaGenome (Wu et al., 2021): the changes that people marked between two films.

``gold_dataset/gold_object_comparison_with_coordinates.txt``: a row per place, comparison and
attribute of a pair of films of MIMIC-CXR. Films are found by patient and image below the folder of
MIMIC-CXR-JPG, or of MIMIC-CXR.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import Field

from cxr_agent.evaluation.suites.folder import (
    Record,
    bad_question,
    found,
    not_a_benchmark,
    record,
    rows_of,
)
from cxr_agent.evidence import Location

CHANGES: Final = ("improved", "no change", "worsened")
_FILE: Final = "gold_object_comparison_with_coordinates.txt"
_HINT: Final = f"Give the folder of Chest ImaGenome from PhysioNet, with gold_dataset/{_FILE}."
_IDENTITY: Final = re.compile(r"[0-9A-Za-z_-]{1,100}")
_ENDINGS: Final = (".dcm", ".jpg", ".png", ".jpeg")
"""DICOM first: its header tells the projection, without which sizes are not compared."""
_PLACES: Final = frozenset(place.value for place in Location)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two films of a patient, and what changed where."""

    name: str
    group: str
    current: Path
    previous: Path
    changes: Mapping[str, str]
    """One of :data:`CHANGES` by location."""


class _Row(Record):
    patient_id: str = Field(max_length=100)
    bbox: str = Field(max_length=100)
    comparison: str = Field(max_length=200)
    current_image_id: str = Field(max_length=120)
    previous_image_id: str = Field(max_length=120)


@dataclass(frozen=True, slots=True)
class Gold:
    """The pairs whose films are there."""

    pairs: tuple[Pair, ...]
    left_out: Mapping[str, int]
    """Pairs and places that were left out, by why."""


def read(root: Path, films: Path | None) -> Gold:
    """The pairs of the gold standard.

    A place that is marked in two ways at once, for two findings, is left out.

    Raises
    ------
    InputError
        ``not_a_benchmark``, ``bad_question``.
    """
    table = found(root, f"gold_dataset/{_FILE}", _FILE)
    if table is None:
        raise not_a_benchmark(_FILE, _HINT)
    marked: dict[tuple[str, str, str], dict[str, set[str]]] = {}
    left: Counter[str] = Counter()
    for number, raw in enumerate(rows_of(table), 1):
        row = record(_Row, raw, f"row {number}")
        pair = tuple(
            _identity(one, number)
            for one in (row.patient_id, row.previous_image_id, row.current_image_id)
        )
        said = {one.strip().lower() for one in row.comparison.split(";;")} & set(CHANGES)
        if row.bbox not in _PLACES:
            left["place_outside_the_29"] += 1
        elif not said:
            left["no_comparison"] += 1
        else:
            patient, previous, current = pair
            places = marked.setdefault((patient, previous, current), {})
            places.setdefault(row.bbox, set()).update(said)
    base = films or root
    pairs = []
    for (patient, previous, current), places in marked.items():
        clear = {place: said.pop() for place, said in places.items() if len(said) == 1}
        left["place_marked_both_ways"] += len(places) - len(clear)
        paths = (_film(base, patient, current), _film(base, patient, previous))
        if paths[0] is None or paths[1] is None:
            left["pair_without_films"] += 1
        elif clear:
            name = f"{previous} {current}"
            pairs.append(Pair(name, patient, paths[0], paths[1], dict(sorted(clear.items()))))
    return Gold(tuple(pairs), {why: count for why, count in sorted(left.items()) if count})


def _identity(text: str, row: int) -> str:
    plain = text.strip().removesuffix(".dcm")
    if not _IDENTITY.fullmatch(plain):
        raise bad_question(f"a name in row {row}")
    return plain


def _film(root: Path, patient: str, image: str) -> Path | None:
    """In the folders as MIMIC-CXR has them, or beside each other."""
    number = patient.removeprefix("p")
    places = [root]
    for folder in (root / "files", root):
        own = folder / f"p{number[:2]}" / f"p{number}"
        places += sorted(own.glob("s*")) if own.is_dir() else []
    for place in places:
        for ending in _ENDINGS:
            if (place / f"{image}{ending}").is_file():
                return place / f"{image}{ending}"
    return None
