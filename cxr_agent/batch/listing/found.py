"""One film on its way from a source into a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from cxr_agent.batch.item import BatchStudy
from cxr_agent.errors import InputError
from cxr_agent.imaging.heading import Heading


class Fault(NamedTuple):
    """Why an entry cannot be listed."""

    code: str
    message: str

    @classmethod
    def of(cls, error: InputError, what: str = "") -> Fault:
        """That of a refusal; ``what`` says which of several files it is about."""
        return cls(error.code, f"{what}: {error.message}" if what else error.message)


@dataclass(frozen=True, slots=True)
class Said:
    """What a list says of a film; it goes before the film's header."""

    study: str = ""
    """Whatever has the same word here is one study; without it the headers decide."""
    patient: str = ""
    day: int | None = None
    """Proleptic Gregorian ordinal."""
    second: int | None = None
    priors: tuple[str, ...] = ()
    """Paths."""
    indication: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that is to be looked at, or an entry that turned out to be none."""

    name: str
    """As the user would call it; any characters."""
    path: str = ""
    said: Said | None = None
    """Of an entry of a list; None for a file that was only come across."""
    fault: Fault | None = None
    given: BatchStudy | None = None
    """A study that was given as such."""


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate and what its header says, or why it says nothing."""

    candidate: Candidate
    heading: Heading | None = None
    fault: Fault | None = None
    place: str = ""
    """Path or address."""
