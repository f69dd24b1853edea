"""What a listing gives: studies, entries that are no study, and counts of the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from cxr_agent.batch.item import BatchStudy


class EntryCode(StrEnum):
    """Why an entry of the input is no study; stands beside the codes of refused films."""

    BAD_ROW = "bad_row"
    BAD_DATE = "bad_date"
    CONFLICTING_STUDY = "conflicting_study"
    TOO_MANY_FILMS = "too_many_films"
    OUTSIDE_FOLDER = "outside_folder"


class Passed(StrEnum):
    """Why something was left out without being a failure; stands beside codes of films."""

    LINK_OUTSIDE = "link_outside"
    """A symbolic link out of the folder."""
    FOLDER_LINK = "folder_link"
    """A symbolic link to a folder: what it leads to inside is seen anyway."""
    TOO_DEEP = "too_deep"
    """A folder below too many others."""
    FOR_PROCESSING = "for_processing"
    """Detector values of a study that has a film meant for the eye."""
    NOBODYS_PRIORS = "nobodys_priors"
    """A study of a Patient ID that stands for nobody, like ``ANON``: it is given no priors."""
    SEVERAL_PATIENTS = "several_patients"
    """A study of a Patient ID that is claimed by different people: it is given no priors."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that cannot be listed as a study: its failure is to be recorded."""

    name: str
    """Unique among all that is listed, as that of a study."""
    code: str
    message: str
    """One line; nothing out of a file."""


Listed = BatchStudy | Refused


@dataclass(slots=True)
class Summary:
    """What came of a listing, in numbers that identify nobody."""

    seen: int = 0
    """Files, rows of tables, or instances of a server that were looked at."""
    studies: int = 0
    refused: int = 0
    priors: int = 0
    """Films given as priors, over all studies."""
    passed: Counter[str] = field(default_factory=Counter)
    """Films passed over, and studies without priors, by code."""
    cut: bool = False
    """A server has more than was listed."""

    def record(self) -> dict[str, Any]:
        """As the manifest has it; what it counts by code as a plain table."""
        # asdict() builds a counter anew out of pairs, and counts those (Python 3.11).
        return asdict(self) | {"passed": dict(self.passed)}
