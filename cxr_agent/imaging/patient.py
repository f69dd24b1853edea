"""Age, dates and identity, reduced to an age group, a day number and fingerprints.

References
----------
DICOM PS3.5 6.2 (AS, DA, LO, TM); PS3.3 C.7.1.1, C.7.2.2.
"""

# ruff: noqa: SIM905 (a list of words is easier to read as words)
from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Final

from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.dicom_values import Header
from cxr_agent.imaging.fingerprint import fingerprint
from cxr_agent.imaging.limits import PAEDIATRIC_BELOW_YEARS
from cxr_agent.study import AgeGroup, Notice

_AGE: Final = re.compile(r"(\d{1,4}) *([DWMY])[A-Z]*", re.ASCII)
"""As PS3.5 6.2 has it, and as people write it: ``7Y``, ``3650D``, ``5 years``."""
_OF_CHILDREN: Final = frozenset(
    "PEDIATRIC PAEDIATRIC PEDIATRICS PAEDIATRICS PEDS PAED PAEDS PEDIATRICO PEDIATRIE NEONATAL "
    "NEONATE NEONATES NEWBORN INFANT INFANTS NICU BABY BABYGRAM CHILD CHILDREN KIND KINDER "
    "KINDERTHORAX NEUGEBORENES SAEUGLING NOURRISSON".split()
)
_DESCRIPTIONS: Final = (
    Tag.BODY_PART_EXAMINED,
    Tag.SERIES_DESCRIPTION,
    Tag.PROTOCOL_NAME,
    Tag.STUDY_DESCRIPTION,
)
_DATE: Final = re.compile(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})")
_TIME: Final = re.compile(r"([01]\d|2[0-3])(:?[0-5]\d(:?([0-5]\d|60)(\.\d{1,6})?)?)?")
_YEARS_PER: Final = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
_OLDEST_YEARS: Final = 130
_FIRST_RADIOGRAPH: Final = datetime.date(1895, 11, 8)
_EARLIEST_BIRTH: Final = datetime.date(1800, 1, 1)
_FILM_DATES: Final = (
    Tag.STUDY_DATE,
    Tag.ACQUISITION_DATE,
    Tag.SERIES_DATE,
    Tag.CONTENT_DATE,
)


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """All that is taken from the header about who and when."""

    age_group: AgeGroup
    film_day: int | None
    """Proleptic Gregorian ordinal of the day on which the film was taken."""
    fingerprint: str
    """Hash of the Patient ID (0010,0020), to tell whether two films are of one patient; empty where
    there is none."""
    study: str
    """Hash of the Study Instance UID (0020,000D), likewise."""
    notices: frozenset[Notice]


def patient_facts(header: Header, today: datetime.date | None = None) -> PatientFacts:
    """Age group, day of the film, and whether a date is impossible.

    Patient's Age (0010,1010) decides; where it is absent or malformed, birth date and study
    date do, and where these are silent too, words as NEWBORN in the descriptions. De-identified
    files often keep a true age next to shifted dates.
    """
    if today is None:
        today = datetime.datetime.now(datetime.UTC).date()
    latest = today + datetime.timedelta(days=1)  # the other side of the date line
    film: datetime.date | None = None
    bad = False
    for tag in _FILM_DATES:
        if not header.filled(tag):
            continue
        date = date_of(header.text(tag))
        if date is None or not _FIRST_RADIOGRAPH <= date <= latest:
            bad = True
        elif film is None:
            film = date
    birth: datetime.date | None = None
    if header.filled(Tag.PATIENT_BIRTH_DATE):
        birth = date_of(header.text(Tag.PATIENT_BIRTH_DATE))
        if birth is None or not _EARLIEST_BIRTH <= birth <= (film or latest):
            bad, birth = True, None
    if header.filled(Tag.STUDY_TIME) and not _TIME.fullmatch(header.text(Tag.STUDY_TIME)):
        bad = True
    years = stated_years(header.text(Tag.PATIENT_AGE))
    if years is None and birth is not None and film is not None:
        years = (film - birth).days / 365.25
        if years > _OLDEST_YEARS:
            years = None
    return PatientFacts(
        age_group=_age_group(years) if years is not None else _described_group(header),
        film_day=film.toordinal() if film is not None else None,
        fingerprint=fingerprint(header.text(Tag.PATIENT_ID)),
        study=fingerprint(header.text(Tag.STUDY_INSTANCE_UID)),
        notices=frozenset({Notice.BAD_DATE} if bad else ()),
    )


def _described_group(header: Header) -> AgeGroup:
    words = (word for tag in _DESCRIPTIONS for word in header.words(tag))
    return AgeGroup.UNKNOWN if _OF_CHILDREN.isdisjoint(words) else AgeGroup.PAEDIATRIC


def _age_group(years: float) -> AgeGroup:
    return AgeGroup.PAEDIATRIC if years < PAEDIATRIC_BELOW_YEARS else AgeGroup.ADULT


def stated_years(text: str) -> float | None:
    """The years of an AS value; None for one that is none, or no age."""
    match = _AGE.fullmatch(text.upper())
    if match is None:
        return None
    years = int(match.group(1)) * _YEARS_PER[match.group(2)]
    return years if years <= _OLDEST_YEARS else None


def date_of(text: str) -> datetime.date | None:
    """The day of a DA value, also as older editions and ISO 8601 write it; None for none."""
    match = _DATE.fullmatch(text) if text.isascii() else None
    if match is None:
        return None
    try:
        return datetime.date(*(int(part) for part in match.groups()))
    except ValueError:
        return None
