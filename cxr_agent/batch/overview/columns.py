"""Facts of many studies in columns: a hundred thousand of them take megabytes, as rows they would
take gigabytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

NO_GROUP: Final = -1


class Values:
    """Numbers of one kind, each with the index of its study; in the order of the studies."""

    def __init__(self) -> None:
        self._values = array("d")
        self._studies = array("q")

    def add(self, study: int, value: float) -> None:
        """Take up a value."""
        self._values.append(value)
        self._studies.append(study)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def values(self) -> Floats:
        """(N,) the numbers."""
        return np.array(self._values, dtype=np.float64)

    @property
    def studies(self) -> Whole:
        """(N,) index of each number's study."""
        return np.array(self._studies, dtype=np.int64)


class Labels:
    """One of a few names for each study, or none."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._index: dict[str, int] = {}
        self._of = array("q")

    def add(self, name: str) -> None:
        """The next study's name; empty where it has none."""
        if not name:
            self._of.append(NO_GROUP)
            return
        index = self._index.setdefault(name, len(self.names))
        if index == len(self.names):
            self.names.append(name)
        self._of.append(index)

    @classmethod
    def of(cls, names: Iterable[str]) -> Labels:
        """One name after the other."""
        made = cls()
        for name in names:
            made.add(name)
        return made

    @property
    def indices(self) -> Whole:
        """(studies,) index into ``names``, or ``NO_GROUP``."""
        return np.array(self._of, dtype=np.int64)

    def counts(self) -> dict[str, int]:
        """Studies by name."""
        found = np.bincount(self.indices[self.indices >= 0], minlength=len(self.names))
        return {name: int(count) for name, count in zip(self.names, found, strict=True)}


@dataclass(slots=True)
class StudyColumns:
    """The studies themselves; what a study is called elsewhere is its index here."""

    folder: array[int] = field(default_factory=lambda: array("H"))
    number: array[int] = field(default_factory=lambda: array("Q"))
    seconds: array[float] = field(default_factory=lambda: array("d"))
    ended: array[float] = field(default_factory=lambda: array("d"))
    """Seconds since 1970; NaN where the time is not known."""
    run: list[str] = field(default_factory=list)
    state: Labels = field(default_factory=Labels)
    code: Labels = field(default_factory=Labels)
    device: Labels = field(default_factory=Labels)
    names: list[str] | None = None
    """What the user calls them; None where that is not wanted."""

    def __len__(self) -> int:
        return len(self.number)
