"""What a header says of a film, for whoever sorts many films into studies and patients.

References
----------
DICOM PS3.3 C.7.1.1 (patient), C.7.2.1 (study).
"""

# ruff: noqa: SIM905 (a list of words is easier to read as words)
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from cxr_agent.errors import UnsuitableCode, UnsuitableFilm
from cxr_agent.imaging.dicom_file import read_dicom_file
from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.dicom_values import Header
from cxr_agent.imaging.fingerprint import fingerprint
from cxr_agent.imaging.header_rules import (
    check_object,
    check_region,
    is_for_processing,
    view_facts,
)
from cxr_agent.imaging.patient import date_of, patient_facts, stated_years
from cxr_agent.study import AgeGroup, View

_FINGERPRINT: Final = re.compile(r"(?:[0-9a-f]{64})?")
_TIME: Final = re.compile(r"([01]\d|2[0-3]):?([0-5]\d):?([0-5]\d)(\.\d{1,6})?")
_UNFIT: Final = frozenset(
    {"", UnsuitableCode.LATERAL_VIEW, UnsuitableCode.ROTATED_FILM, UnsuitableCode.PAEDIATRIC}
)
_OLDEST_STATED: Final = 89
"""De-identification makes every higher age the same (45 CFR 164.514)."""
_LAST_DAY: Final = 3_652_059

_NOBODY: Final = frozenset(
    "ANON ANONYM ANONYMOUS ANONYMIZED ANONYMISED ANONYMOUSPATIENT ANONPATIENT DEIDENTIFIED "
    "DEID REMOVED REDACTED MASKED HIDDEN UNKNOWN UNKNOWNPATIENT UNK NONE NULL NA NAN NIL "
    "NOID NOPATIENTID PATIENT PATIENTID ID TEST TESTPATIENT DUMMY DEFAULT EMPTY BLANK "
    "UNDEFINED UNSPECIFIED NOTSPECIFIED JOHNDOE JANEDOE DOE SUBJECT CASE 123456 1234567 "
    "12345678 123456789".split()
)
_FILLING: Final = 4
"""Of one character: an id of so many is none."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Facts by which films are sorted; identifiers are hashes, and empty where there are none.

    Raises
    ------
    ValueError
        For what is no such fact.
    """

    patient: str = ""
    """Of the Patient ID (0010,0020)."""
    issuer: str = ""
    born: str = ""
    """Of the birth date."""
    sex: str = ""
    """``M``, ``F``, or empty."""
    birth_year: int | None = None
    """By the stated age, so up to a year too late."""
    study: str = ""
    """Of the Study Instance UID (0020,000D)."""
    day: int | None = None
    """Proleptic Gregorian ordinal of the day on which the film was taken."""
    second: int | None = None
    """Of that day, by the Study Time (0008,0030)."""
    view: View = View.UNKNOWN
    raw: bool = False
    """The pixels are detector values, not meant for the eye."""
    unfit: str = ""
    """Why the film will not be read: ``lateral_view``, ``rotated_film``, ``paediatric``."""
    nobody: bool = False
    """The Patient ID is one that many patients share, like ``ANON``."""

    def __post_init__(self) -> None:
        hashes = (self.patient, self.issuer, self.born, self.study)
        if not all(isinstance(one, str) and _FINGERPRINT.fullmatch(one) for one in hashes):
            raise ValueError("not a fingerprint")
        bounds = ((self.birth_year, 9999), (self.day, _LAST_DAY), (self.second, 86_400))
        if not all(one is None or _within(one, most) for one, most in bounds):
            raise ValueError("not a time")
        if self.sex not in ("", "M", "F") or self.unfit not in _UNFIT:
            raise ValueError("not a term")
        if not (isinstance(self.raw, bool) and isinstance(self.nobody, bool)):
            raise ValueError("not a flag")


def dicom_heading(data: bytes) -> Heading:
    """The heading of a DICOM file.

    Parameters
    ----------
    data
        The whole file, or enough of its beginning.

    Raises
    ------
    InputError
        As :func:`~cxr_agent.imaging.dicom_file.read_dicom_file` and :func:`heading`.
    """
    return heading(read_dicom_file(data, stop_after=Tag.VIEW_CODE_SEQUENCE).header)


def heading(header: Header) -> Heading:
    """The heading of a data set.

    Raises
    ------
    InputError
        ``dicomdir`` or ``non_image_object``.
    UnsuitableFilm
        ``unsupported_modality``, ``not_chest``.
    """
    check_object(header)
    check_region(header)
    view, unfit = View.UNKNOWN, ""
    try:
        view = view_facts(header).view
    except UnsuitableFilm as error:
        unfit = error.code
    facts = patient_facts(header)
    if not unfit and facts.age_group is AgeGroup.PAEDIATRIC:
        unfit = str(UnsuitableCode.PAEDIATRIC)
    sex = header.text(Tag.PATIENT_SEX).upper()
    birth = date_of(header.text(Tag.PATIENT_BIRTH_DATE))
    return Heading(
        patient=facts.fingerprint,
        issuer=fingerprint(header.text(Tag.ISSUER_OF_PATIENT_ID)),
        born="" if birth is None else fingerprint(birth.isoformat()),
        sex=sex if sex in ("M", "F") else "",
        birth_year=_birth_year(header),
        study=facts.study,
        day=facts.film_day,
        second=_second(header.text(Tag.STUDY_TIME)),
        view=view,
        raw=is_for_processing(header),
        unfit=unfit,
        nobody=is_nobody(header.text(Tag.PATIENT_ID)),
    )


def is_nobody(patient_id: str) -> bool:
    """Whether a Patient ID is a word or a filling that many patients share."""
    bare = re.sub(r"[\W_]+", "", patient_id).upper()
    filling = len(set(bare)) == 1 and (bare[0] in "0X" or len(bare) >= _FILLING)
    lost = "\ufffd" in patient_id  # bytes that were not understood make many ids one
    return bool(patient_id) and (lost or not bare or filling or bare in _NOBODY)


def heading_record(heading: Heading) -> dict[str, Any]:
    """A heading as JSON can hold it."""
    return asdict(heading)


def heading_from(record: Mapping[str, Any]) -> Heading:
    """The heading of a record that was written elsewhere, every value checked.

    Raises
    ------
    KeyError, TypeError, ValueError
        For what is no record.
    """
    return Heading(**{**record, "view": View(record["view"])})


def _within(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _birth_year(header: Header) -> int | None:
    film = date_of(header.text(Tag.STUDY_DATE))
    years = stated_years(header.text(Tag.PATIENT_AGE))
    if film is None or years is None or years >= _OLDEST_STATED:
        return None
    return film.year - int(years)


def _second(text: str) -> int | None:
    match = _TIME.fullmatch(text) if text.isascii() else None
    if match is None:
        return None
    hours, minutes, seconds = (int(part) for part in match.groups()[:3])
    return 3600 * hours + 60 * minutes + seconds
