"""Films sorted into studies, and studies into patients.

Little is kept of a film, because there may be many: its place and a few short keys. Keys of
patients and studies are hashes under a key of the listing's own, which nobody keeps.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.listing.found import Fault, Found, Said
from cxr_agent.batch.listing.listed import EntryCode, Passed
from cxr_agent.batch.listing.naming import Names
from cxr_agent.errors import InputCode, PriorCode, UnsuitableCode
from cxr_agent.imaging.fingerprint import fingerprint
from cxr_agent.imaging.heading import Heading, is_nobody
from cxr_agent.imaging.load import SET_ASIDE
from cxr_agent.study import View

MAX_FILMS: Final = 16
"""Of one study: more are not of one examination of a chest, whatever their headers say."""
MAX_STUDIES: Final = 500
"""Of one patient: more come from an id that a whole collection shares."""

_NO_FILM: Final = frozenset(
    {
        InputCode.DICOMDIR,
        InputCode.NON_IMAGE_OBJECT,
        UnsuitableCode.UNSUPPORTED_MODALITY,
        UnsuitableCode.NOT_CHEST,
        PriorCode.DUPLICATE_FILM,
    }
)
"""What a file is passed over for that was only come across."""
_FILM_ENDINGS: Final = ("", ".dcm", ".dicom", ".dic", ".ima", ".png", ".jpg", ".jpeg")
_CONFLICT: Final = Fault(
    EntryCode.CONFLICTING_STUDY, "what claims to be one study is of several patients or days"
)
_TOO_MANY: Final = Fault(
    EntryCode.TOO_MANY_FILMS, f"more than {MAX_FILMS} films claim to be of one study"
)
_YEARS_APART: Final = 2
"""Of birth years by age: one for birthdays, one for rounding."""


@dataclass(slots=True)
class Film:
    """What is kept of a film."""

    place: str
    day: int | None
    view: View
    unfit: str
    raw: bool
    patient: bytes
    """Keys of what the header says; empty where it says nothing."""
    study: bytes


@dataclass(slots=True)
class Person:
    """Who is meant, and whether that can be one person."""

    issuer: str = ""
    born: str = ""
    sex: str = ""
    earliest: int | None = None
    latest: int | None = None
    several: bool = False

    def claim(self, heading: Heading) -> None:
        """Hold what a header says against what others said."""
        self.issuer = self._same(self.issuer, heading.issuer[:16])
        self.born = self._same(self.born, heading.born[:16])
        self.sex = self._same(self.sex, heading.sex)
        year = heading.birth_year
        if year is not None:
            self.earliest = year if self.earliest is None else min(year, self.earliest)
            self.latest = year if self.latest is None else max(year, self.latest)
            self.several = self.several or self.latest - self.earliest > _YEARS_APART

    def _same(self, known: str, told: str) -> str:
        if known and told and known != told:
            self.several = True
        return known or told


@dataclass(slots=True)
class Patient:
    """The studies of a patient."""

    person: Person = field(default_factory=Person)
    studies: list[Group] = field(default_factory=list)

    @property
    def several(self) -> bool:
        """Whether this is more than one."""
        return self.person.several or len(self.studies) > MAX_STUDIES


@dataclass(slots=True)
class Group:
    """A study that is being put together, or an entry that is none."""

    name: str
    films: list[Film] = field(default_factory=list)
    person: Person = field(default_factory=Person)
    patient: Patient | None = None
    nobody: bool = False
    day: int | None = None
    second: int | None = None
    said: Said | None = None
    fault: Fault | None = None
    given: BatchStudy | None = None
    """A study that was given as such."""
    left_out: Fault | None = None
    """Why a film of it was, where that is no fault of a study that has others."""

    def chosen(self, passed: Counter[str]) -> list[Film]:
        """The films to be read: what will be refused only where nothing else is there."""
        fit = [film for film in self.films if not film.unfit]
        shown = [film for film in fit if not film.raw]
        chosen = shown or fit or self.films
        for film in self.films:
            if film not in chosen:
                passed[film.unfit or Passed.FOR_PROCESSING] += 1
        return chosen

    def aside(self, chosen: list[Film]) -> list[Film]:
        """Views that are usual beside those to be read: the reading names them."""
        return [film for film in self.films if film.unfit in SET_ASIDE and film not in chosen]


@dataclass(slots=True)
class Groups:
    """All studies of an input, in the order in which their first films came."""

    passed: Counter[str]
    _names: Names = field(default_factory=Names)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _entries: list[Group] = field(default_factory=list)
    _studies: dict[bytes, Group] = field(default_factory=dict)
    _patients: dict[bytes, Patient] = field(default_factory=dict)
    _known_keys: dict[bytes, bytes] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Group]:
        return iter(self._entries)

    def add(self, found: Found) -> None:
        """Sort one in."""
        if found.candidate.given is not None:
            self._take(found.candidate.given)
            return
        said, fault = found.candidate.said, found.fault
        if fault is not None and said is None:
            if _is_passed_over(found.candidate.name, fault):
                self.passed[fault.code] += 1
            else:
                self._new(found.candidate.name).fault = fault
            return
        if said is not None and not said.study and _is_duplicate(fault):
            self.passed[PriorCode.DUPLICATE_FILM] += 1
            return
        heading = found.heading or Heading()
        group = self._group(found, heading, said)
        if fault is None:
            self._put(group, found.place, heading, said)
        elif fault.code in _NO_FILM:
            self.passed[fault.code] += 1
            group.left_out = group.left_out or fault
        else:
            group.fault = group.fault or fault

    def _take(self, study: BatchStudy) -> None:
        """A study that needs no sorting; its name is made one of this listing."""
        group = self._new(study.name)
        group.given = replace(study, name=group.name)

    def _new(self, name: str) -> Group:
        group = Group(self._names.give(name))
        self._entries.append(group)
        return group

    def _group(self, found: Found, heading: Heading, said: Said | None) -> Group:
        key = b""
        if said is not None and said.study:
            key = self._keyed("said", said.study)
        elif heading.study:
            key = self._keyed("study", self._patient_named(heading, said), heading.study)
        group = self._studies.get(key) if key else None
        if group is None:
            group = self._new(found.candidate.name)
            if key:
                self._studies[key] = group
        return group

    def _put(self, group: Group, place: str, heading: Heading, said: Said | None) -> None:
        """Add a film to its study, and the study to its patient."""
        film = Film(
            place,
            heading.day,
            heading.view,
            heading.unfit,
            heading.raw,
            self._keyed("patient", heading.patient),
            self._keyed("study", heading.study),
        )
        dated = said if said is not None and said.day is not None else heading
        day, second = dated.day, dated.second
        by_hand = said is not None and bool(said.study)
        if not by_hand and _days_apart(day, group.day) > 1:
            group.fault = _CONFLICT
        if len(group.films) == MAX_FILMS:
            group.fault = group.fault or _TOO_MANY
            return
        self._join(group, heading, said)
        group.films.append(film)
        if day is not None and (group.day is None or day > group.day):
            group.day, group.second = day, second
        group.said = _merged(group.said, said)

    def _join(self, group: Group, heading: Heading, said: Said | None) -> None:
        named = self._patient_named(heading, said)
        patient: Patient | None = None
        if named:
            patient = self._patients.setdefault(self._keyed("patient", named), Patient())
            patient.person.claim(heading)
        group.nobody = group.nobody or (heading.nobody and not named)
        group.person.claim(heading)
        if group.person.several or (patient and group.patient and patient is not group.patient):
            group.fault = _CONFLICT
        elif patient is not None and group.patient is None:
            group.patient = patient
            patient.studies.append(group)

    @staticmethod
    def _patient_named(heading: Heading, said: Said | None) -> str:
        """Fingerprint of the patient: what the list says goes before the header."""
        if said is not None and said.patient:
            return "" if is_nobody(said.patient) else fingerprint(said.patient)
        return "" if heading.nobody else heading.patient

    def _keyed(self, *what: str) -> bytes:
        """A key that says nothing; equal ones are one object."""
        if not what[-1]:
            return b""
        text = "\n".join(what).encode("utf-8", "surrogatepass")
        key = hashlib.blake2b(text, key=self._key, digest_size=16).digest()
        return self._known_keys.setdefault(key, key)


def _is_passed_over(name: str, fault: Fault) -> bool:
    """Whether a file that was only come across need not have been a film."""
    if fault.code == InputCode.NOT_AN_IMAGE:
        return os.path.splitext(name)[1].lower() not in _FILM_ENDINGS  # noqa: PTH122
    return fault.code in _NO_FILM


def _is_duplicate(fault: Fault | None) -> bool:
    return fault is not None and fault.code == PriorCode.DUPLICATE_FILM


def _days_apart(one: int | None, other: int | None) -> int:
    """Between the day of the study and that of an exposure there may be a midnight."""
    return 0 if one is None or other is None else abs(one - other)


def _merged(first: Said | None, more: Said | None) -> Said | None:
    """What a list says of a study in several rows."""
    if first is None or more is None:
        return first or more
    priors = tuple(dict.fromkeys((*first.priors, *more.priors)))
    return Said(priors=priors, indication=first.indication or more.indication)
