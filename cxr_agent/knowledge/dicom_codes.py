"""How places are coded outside this program: ``kb/dicom_codes.toml``."""

from __future__ import annotations

from functools import lru_cache

from cxr_agent.evidence import Location
from cxr_agent.knowledge.files import Entry, entry, load, malformed, text
from cxr_agent.knowledge.structures import structures


class Place(Entry):
    """A place with its SNOMED CT code, where DICOM has one."""

    sct: str = ""
    meaning: str
    laterality: bool = True
    """Whether a side says more than the code does."""


@lru_cache(maxsize=1)
def places() -> dict[str, Place]:
    """All places by their name in ``kb/dicom_codes.toml``."""
    return {name: entry(Place, name, raw) for name, raw in load("dicom_codes")["place"].items()}


def place_of_location(location: Location) -> tuple[str, Place]:
    """Name and code of a location.

    Raises
    ------
    ConfigError
        ``bad_definition``.
    """
    return _place(_names("location").get(location.value), location.value)


def place_of_structure(structure: str) -> tuple[str, Place] | None:
    """Name and code of a structure; None for one that is no place, such as a tube's tip."""
    known = structures().get(structure)
    for code in (structure, known.group if known else ""):
        if code in _names("structure"):
            return _place(_names("structure")[code], structure)
    if known is None or known.location is None:
        return None
    return place_of_location(known.location)


@lru_cache(maxsize=2)
def _names(table: str) -> dict[str, str]:
    return {key: text(key, raw) for key, raw in load("dicom_codes")[table].items()}


def _place(name: str | None, about: str) -> tuple[str, Place]:
    if name is None or name not in places():
        raise malformed(about)
    return name, places()[name]
