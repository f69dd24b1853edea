"""A data set without what says who, when or where.

The copy is built anew out of what may stay, so that nothing gets into it that this module has
never heard of.

References
----------
DICOM PS3.15 Annex E (E.1 profile, E.3.6 modified dates, E.3.7 patient characteristics); PS3.16
CID 7050 (De-identification Method).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cxr_agent.deidentifying.options import Dates, Options
from cxr_agent.deidentifying.profile import profile
from cxr_agent.deidentifying.pseudonyms import Pseudonyms
from cxr_agent.deidentifying.values import (
    capped_age,
    known_terms,
    plain_numbers,
    shifted,
    values_of,
)

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

_WHOLE: Final = frozenset({"IS", "US", "SS", "UL", "SL"})
_TIMES: Final = frozenset({"DA", "DT", "TM"})
_DUMMIES: Final = {
    **dict.fromkeys(("CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), "REMOVED"),
    "DA": "19000101",
    "DT": "19000101",
    "TM": "000000",
}
"""Where the profile wants a value, none of which a radiograph needs; other kinds are left out."""
_SEXES: Final = frozenset({"M", "F", "O"})
_BASIC: Final = ("113100", "Basic Application Confidentiality Profile")
_PIXELS: Final = ("113101", "Clean Pixel Data Option")
_MODIFIED: Final = (
    "113107",
    "Retain Longitudinal Temporal Information Modified Dates Option",
)
_CHARACTERISTICS: Final = ("113108", "Retain Patient Characteristics Option")


class HeaderCleaner:
    """Makes clean data sets.

    Parameters
    ----------
    pseudonyms
        Stand for the identifiers.
    options
        What is kept.
    patient
        The Patient ID that is written.
    days
        By how many days dates are shifted.
    """

    def __init__(self, pseudonyms: Pseudonyms, options: Options, patient: str, days: int) -> None:
        self._pseudonyms = pseudonyms
        self._options = options
        self._patient = patient
        self._days = days

    def cleaned(self, header: Dataset) -> Dataset:
        """The copy, without pixels."""
        from pydicom import Dataset

        clean = Dataset()
        self._fill(clean, header)
        self._name(clean)
        return clean

    def _fill(self, clean: Dataset, header: Dataset) -> None:
        for tag in list(header.keys()):
            try:
                element = header[tag]
            except Exception:  # noqa: S112 - what cannot be read is not known to be harmless
                continue
            value = self._value(element)
            if value is not None:
                clean.add_new(tag, element.VR, value)

    def _value(self, element: DataElement) -> Any:
        """What is written in place of a value; None where the element goes."""
        from pydicom.datadict import keyword_for_tag

        rules, keyword, tag = profile(), keyword_for_tag(element.tag), int(element.tag)
        if element.tag.is_private or not keyword:
            return None
        action = rules.basic.get(tag)
        if action is not None:
            return self._profiled(element, keyword, action)
        if keyword in rules.numbers:
            return _written(element.VR, plain_numbers(element.value, whole=element.VR in _WHOLE))
        if keyword in rules.terms:
            return known_terms(element.value, rules.terms[keyword])
        if keyword in rules.classes:
            return _class(element.value)
        if keyword in rules.emptied:
            return ""
        if keyword in rules.tables:
            return element.value
        if keyword in rules.sequences:
            return self._items(element)
        return None

    def _profiled(self, element: DataElement, keyword: str, action: str) -> Any:
        """By the standard's table; where it leaves a choice, the emptiest that is valid."""
        rules = profile()
        if self._options.dates is Dates.SHIFTED and int(element.tag) in rules.dates:
            return self._earlier(element)
        if self._options.keep_patient_characteristics:
            kept = _characteristic(element, keyword)
            if kept is not None:
                return kept
        if action == "U":
            return [self._uid(str(one)) for one in values_of(element.value)]
        if action == "X/Z/U*":
            return self._items(element)
        if "Z" in action:
            return [] if element.VR == "SQ" else ""
        return _DUMMIES.get(element.VR) if action == "D" else None

    def _earlier(self, element: DataElement) -> Any:
        if element.VR not in _TIMES:
            return None
        moved = [shifted(element.VR, one, self._days) for one in values_of(element.value)]
        return None if None in moved else moved

    def _items(self, element: DataElement) -> Any:
        if element.VR != "SQ":
            return None
        items = [self._item(item) for item in element.value]
        return [item for item in items if len(item)]

    def _item(self, item: Dataset) -> Dataset:
        from pydicom import Dataset

        clean = Dataset()
        if "CodeValue" in item:
            scheme = str(item.get("CodingSchemeDesignator", "")).strip()
            value = str(item.CodeValue).strip()
            meaning = profile().codes.get(f"{scheme} {value}")
            if meaning is not None:
                clean = _code(value, scheme, meaning)
        self._fill(clean, item)
        return clean

    def _uid(self, uid: str) -> str:
        return uid if _is_of_the_standard(uid) else self._pseudonyms.uid(uid)

    def _name(self, clean: Dataset) -> None:
        """Say whose it is now, and how it was de-identified."""
        options = self._options
        shifted = options.dates is Dates.SHIFTED
        clean.PatientName = ""
        clean.PatientID = self._patient
        for keyword in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"):
            if keyword not in clean:
                setattr(clean, keyword, "")
        for keyword in ("AccessionNumber", "StudyID", "ReferringPhysicianName"):
            setattr(clean, keyword, "")
        methods = [_BASIC]
        if options.mask_text:
            methods.append(_PIXELS)
            clean.BurnedInAnnotation = "NO"
        if shifted:
            methods.append(_MODIFIED)
        if options.keep_patient_characteristics:
            methods.append(_CHARACTERISTICS)
        clean.PatientIdentityRemoved = "YES"
        clean.LongitudinalTemporalInformationModified = "MODIFIED" if shifted else "REMOVED"
        clean.DeidentificationMethod = [
            f"cxr-agent, PS3.15 Table E.1-1 {profile().edition}, listed attributes only"
        ]
        clean.DeidentificationMethodCodeSequence = [
            _code(value, "DCM", meaning) for value, meaning in methods
        ]


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    from pydicom import Dataset

    made = Dataset()
    made.CodeValue = value
    made.CodingSchemeDesignator = scheme
    made.CodeMeaning = meaning
    return made


def _class(value: Any) -> str | None:
    return str(value) if _is_of_the_standard(str(value)) else None


def _is_of_the_standard(uid: str) -> bool:
    """Whether it names a class or a syntax and no object."""
    from pydicom.uid import UID

    return UID(uid).name != uid


def _characteristic(element: DataElement, keyword: str) -> Any:
    rules = profile()
    if keyword == "PatientAge":
        return capped_age(element.value, rules.oldest_years)
    if keyword == "PatientSex":
        return known_terms(element.value, _SEXES)
    if keyword in rules.characteristics:
        return _written("DS", plain_numbers(element.value, whole=False))
    return None


def _written(vr: str, numbers: list[float | int] | None) -> Any:
    """Numbers as an element takes them."""
    if numbers is None:
        return None
    if vr == "DS":
        return [f"{number:g}" for number in numbers]
    return numbers
