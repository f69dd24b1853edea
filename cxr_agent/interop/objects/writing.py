"""What all DICOM objects of a run share: equipment, times, code schemes, and their bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cxr_agent.errors import InputError, SourceCode
from cxr_agent.interop.objects.codes import PRIVATE, SCHEME_NAME
from cxr_agent.interop.objects.identity import derived_uid
from cxr_agent.interop.objects.library import silent
from cxr_agent.interop.objects.recorded import RecordedReport
from cxr_agent.interop.objects.sources import SourceFilm

if TYPE_CHECKING:
    from pydicom import Dataset

_T = TypeVar("_T")

MANUFACTURER: Final = "cxr-agent"
SERIES: Final = {"sr": 9901, "seg": 9902, "pr": 9903, "sc": 9904}
"""Series numbers, far from those of modalities."""
DESCRIPTIONS: Final = {
    "sr": "cxr-agent measurements, research use, unverified",
    "seg": "cxr-agent outlines, research use, unverified",
    "pr": "cxr-agent drawn lines, research use, unverified",
    "sc": "cxr-agent picture, research use, unverified",
}
_SCHEMES: Final = {
    PRIVATE: (SCHEME_NAME, None, None),
    "RADLEX": ("RadLex Ontology", "HL7", "2.16.840.1.113883.6.256"),
}
_IMPLEMENTATION: Final = "cxr-agent"


def object_uids(recorded: RecordedReport, film: SourceFilm, kind: str) -> dict[str, Any]:
    """Arguments that say which object this is: the same for the same report and image."""
    about = (recorded.report.run_id, recorded.sha256, str(film.image.SOPInstanceUID), kind)
    return {
        "series_instance_uid": derived_uid("series", *about),
        "sop_instance_uid": derived_uid("instance", *about),
        "series_number": SERIES[kind],
        "instance_number": 1,
        "series_description": DESCRIPTIONS[kind],
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": "cxr-agent",
        "software_versions": recorded.report.program_version,
    }


def built(film: SourceFilm, make: Callable[[], _T]) -> _T:
    """What ``make`` makes; what the library finds wrong with the source becomes one of our errors.

    Raises
    ------
    InputError
        ``source_header_unusable``.
    """
    try:
        with silent():
            return make()
    except ValueError:
        # How the library refuses a value; its words may quote the header.
        raise InputError(
            SourceCode.UNUSABLE,
            f"no object can be made from the header of {film.handle}",
            hint="Use the file as the archive has it.",
        ) from None


def part_10(made: Dataset, recorded: RecordedReport, film: SourceFilm) -> bytes:
    """The object as a DICOM file, at the time of the report and in UTF-8."""
    import pydicom

    at = recorded.at.astimezone(_zone(film))
    made.SpecificCharacterSet = "ISO_IR 192"
    for name in ("InstanceCreation", "Content", "Series", "PresentationCreation"):
        if f"{name}Date" in made or name == "Series":
            setattr(made, f"{name}Date", at.strftime("%Y%m%d"))
            setattr(made, f"{name}Time", at.strftime("%H%M%S.%f"))
    for item in made.get("ContributingEquipmentSequence", ()):
        item.ContributionDateTime = at.strftime("%Y%m%d%H%M%S.%f")
    for name in ("TimezoneOffsetFromUTC", "IssuerOfPatientID", "StudyDescription"):
        if film.image.get(name):
            setattr(made, name, film.image.get(name))
        elif name in made:
            del made[name]
    made.CodingSchemeIdentificationSequence = _schemes()
    made.file_meta.ImplementationClassUID = pydicom.uid.UID(derived_uid("implementation"))
    made.file_meta.ImplementationVersionName = _IMPLEMENTATION
    file = io.BytesIO()
    pydicom.dcmwrite(file, made, enforce_file_format=True)
    return file.getvalue()


def _zone(film: SourceFilm) -> tzinfo:
    """The zone that the archive's times of this image are in; UTC where it does not say."""
    stated = str(film.image.TimezoneOffsetFromUTC)
    return (datetime.strptime(stated, "%z").tzinfo if stated else None) or UTC


def _schemes() -> list[Dataset]:
    from highdicom import coding_schemes

    return [
        coding_schemes.CodingSchemeIdentificationItem(
            designator, name=name, registry=registry, uid=uid
        )
        for designator, (name, registry, uid) in _SCHEMES.items()
    ]
