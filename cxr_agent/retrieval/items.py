"""What is kept of a film, and what a search gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from cxr_agent.evidence import Polarity

_Film = TypeVar("_Film")


@dataclass(frozen=True, slots=True)
class Item:
    """One film, known by its pixels."""

    sha256: str
    """Over the decoded pixels: two files of one film are one item."""
    source: str
    """Path as it was listed. Local: it never reaches a planner or a report."""
    patient: str
    """Keyed hash; equal for films of one patient, and saying nothing else."""
    labels: Mapping[str, Polarity] = field(default_factory=dict)
    """What a list of labels or a report says, by code of ``kb/vocabulary.toml``."""
    report: str = ""
    """As it was given; masked whenever it is shown."""


class Part(StrEnum):
    """What of an item an encoder of texts is compared with."""

    REPORT = "report"
    FILM = "film"


@dataclass(frozen=True, slots=True)
class Hit:
    """One film that a search found."""

    number: int
    """Of the item, in its store."""
    distance: float
    """Cosine distance, in [0, 2]."""
    item: Item


def first_of_each(films: Iterable[_Film], patient: Callable[[_Film], str]) -> list[_Film]:
    """The first film of each patient, in the order of the films."""
    first: dict[str, _Film] = {}
    for film in films:
        first.setdefault(patient(film), film)
    return list(first.values())


@dataclass(frozen=True, slots=True)
class Where:
    """Which films a search may find; everything that is named must hold."""

    labels: Mapping[str, Polarity] = field(default_factory=dict)
    not_patients: frozenset[str] = frozenset()
    """Keyed hashes: nobody is a similar case of himself."""

    def allows(self, item: Item) -> bool:
        return item.patient not in self.not_patients and all(
            item.labels.get(code) is value for code, value in self.labels.items()
        )
