"""A film with what is known of it, whatever format said so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_agent.evidence import Box
from cxr_agent.study import View

Masks = Mapping[str, NDArray[np.bool_]]
"""(rows, columns) of the film's size by structure of ``kb/structures.toml``; ``lungs`` where a set
outlines both in one."""
LUNGS = "lungs"


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """Where a finding is, by a reader."""

    finding: str
    box: Box
    """In film pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """One film of a set."""

    path: Path
    name: str
    """Unique in the set."""
    patient: str
    """Unique in the set; films of one patient are drawn together in the bootstrap."""
    view: View = View.UNKNOWN
    days: int | None = None
    """Offset among the patient's films."""
    labels: Mapping[str, bool | None] = field(default_factory=dict)
    """Finding to present, absent, or None for uncertain; what is missing was not labelled."""
    boxes: tuple[LabelledBox, ...] = ()
    ctr: float | None = None
    """Cardiothoracic ratio by a reader."""
    report: str = ""
    masks: Callable[[], Masks] | None = None
    """Reads the outlines that readers drew; None where there are none. Raises InputError
    ``bad_mask``."""
    spacing_mm: tuple[float, float] | None = None
    """(row, column) distance of pixel centres in the patient, where the set says it."""

    @property
    def frontal(self) -> bool:
        """Whether nothing says that it is a side view."""
        return self.view is not View.LATERAL


@dataclass(frozen=True, slots=True)
class FilmSet:
    """The films of a set that are there, in an order that is always the same."""

    name: str
    films: tuple[Film, ...]
    source: str
    """Where labels come from, for the reader of a result."""
    findings: tuple[str, ...]
    """Findings that the set labels."""
    missing: int = 0
    """Films that its table names and that are not there."""
