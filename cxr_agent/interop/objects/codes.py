"""Coded concepts for what evidence says: standard where there is one, else of our own scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cxr_agent.evidence import Evidence, Location, Polarity, Severity, Side, Unit
from cxr_agent.knowledge import (
    Place,
    place_of_location,
    place_of_structure,
    reasons,
    structures,
    vocabulary,
)

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept

PRIVATE: Final = "99CXRAGENT"
"""Designator of our own scheme (PS3.3 8.2: private ones begin with 99)."""
SCHEME_NAME: Final = "cxr-agent vocabulary"
_MEANING: Final = 64
"""Characters of Code Meaning (0008,0104)."""


@dataclass(frozen=True, slots=True)
class Concept:
    """A code in a scheme, named as DICOM names schemes."""

    value: str
    scheme: str
    meaning: str

    @property
    def private(self) -> bool:
        return self.scheme == PRIVATE

    def coded(self) -> CodedConcept:
        """As content of a DICOM object."""
        from highdicom.sr import CodedConcept

        return CodedConcept(self.value, self.scheme, self.meaning)


def private(code: str, meaning: str = "") -> Concept:
    """A concept of our own scheme."""
    return Concept(code, PRIVATE, (meaning or code.replace("_", " "))[:_MEANING])


PRESENCE: Final = Concept("121052", "DCM", "Presence of property")
PROBABILITY: Final = Concept("122157", "DCM", "Probability")
THRESHOLD: Final = Concept("122411", "DCM", "Threshold Value")
COMMENT: Final = Concept("121106", "DCM", "Comment")
IMPRESSION: Final = Concept("121073", "DCM", "Impression")
AREA: Final = Concept("42798000", "SCT", "Area")
CHEST_RADIOGRAPHY: Final = Concept("399208008", "SCT", "Plain chest X-ray")
SEVERITY: Final = Concept("246112005", "SCT", "Severity")
MEASURED: Final = private("measured_value", "Value that was compared with the threshold")
LOWER: Final = private("interval_lower", "Lower bound of the interval")
UPPER: Final = private("interval_upper", "Upper bound of the interval")
LEVEL: Final = private("interval_level", "Share of such intervals that hold the truth")
KIND: Final = private("evidence_kind", "Kind of evidence")
CATEGORY: Final = private("category", "Category")
REASON: Final = private("reason", "Reason or restriction")
BY_READER: Final = private("corrected_by_reader", "Put right by a reader")
FILM: Final = private("film", "Film of the run")
NOTICE: Final = private("notice", "Notice on use")

POLARITIES: Final = {
    Polarity.PRESENT: Concept("52101004", "SCT", "Present"),
    Polarity.ABSENT: Concept("272519000", "SCT", "Absent"),
    Polarity.UNCERTAIN: Concept("373068000", "SCT", "Undetermined"),
}
"""CID 240."""
SEVERITIES: Final = {
    Severity.MILD: Concept("255604002", "SCT", "Mild"),
    Severity.MODERATE: Concept("6736007", "SCT", "Moderate"),
    Severity.SEVERE: Concept("24484000", "SCT", "Severe"),
}
SIDES: Final = {
    Side.RIGHT: Concept("24028007", "SCT", "Right"),
    Side.LEFT: Concept("7771000", "SCT", "Left"),
    Side.BILATERAL: Concept("51440002", "SCT", "Bilateral"),
    Side.MIDLINE: Concept("261129000", "SCT", "Midline"),
}
UNITS: Final = {
    Unit.RATIO: Concept("1", "UCUM", "no units"),
    Unit.MILLIMETRE: Concept("mm", "UCUM", "millimeter"),
    Unit.SQUARE_CENTIMETRE: Concept("cm2", "UCUM", "square centimeter"),
    Unit.PIXEL: Concept("{pixels}", "UCUM", "pixels"),
    Unit.DEGREE: Concept("deg", "UCUM", "Degree"),
    Unit.DAY: Concept("d", "UCUM", "day"),
}


@dataclass(frozen=True, slots=True)
class Site:
    """A place, and the patient's side where the place's code does not say it."""

    place: Concept
    side: Side | None = None


def concept_of(code: str) -> Concept:
    """What evidence is about: SNOMED CT, else RadLex, else our own code."""
    term = vocabulary().get(code)
    if term is None:
        return private(code)
    if term.snomed:
        return Concept(term.snomed, "SCT", term.name[:_MEANING])
    if term.radlex:
        return Concept(term.radlex, "RADLEX", term.name[:_MEANING])
    return private(code, term.name)


def reason_concept(code: str) -> Concept:
    """A reason or restriction."""
    return private(code, reasons().get(code, ""))


def site_of(evidence: Evidence) -> Site | None:
    """Where evidence is; None where it is about the film as a whole."""
    found = (
        place_of_location(evidence.location)
        if evidence.location is not None
        else place_of_structure(evidence.code)
    )
    if found is None:
        # A side alone: of the chest.
        thorax = Concept("816094009", "SCT", "Thorax")
        return Site(thorax, evidence.side) if evidence.side is not None else None
    name, place = found
    side = evidence.side or (_side_of(evidence.location) if place.laterality else None)
    return Site(_coded(name, place), side)


def structure_site(structure: str) -> Site | None:
    """The place that a structure's outline is of; None for one that is no place."""
    found = place_of_structure(structure)
    if found is None:
        return None
    name, place = found
    return Site(_coded(name, place), structures()[structure].side if place.laterality else None)


def _coded(name: str, place: Place) -> Concept:
    return Concept(place.sct, "SCT", place.meaning) if place.sct else private(name, place.meaning)


def _side_of(location: Location | None) -> Side | None:
    """The side that a location's name says."""
    name = location.value if location is not None else ""
    for side in (Side.RIGHT, Side.LEFT):
        if name.startswith(f"{side.value} "):
            return side
    return None
