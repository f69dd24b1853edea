"""Data sets in the DICOM JSON model as headers, so that one set of rules judges both.

References
----------
DICOM PS3.18 annex F (DICOM JSON model).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_agent.imaging.dicom_elements import Element
from cxr_agent.imaging.dicom_tags import ALLOWED_VRS, SEQUENCES
from cxr_agent.imaging.dicom_values import Header

_MAX_NESTING: Final = 4
"""No sequence that is looked at holds one that is."""


def json_header(data_set: Mapping[str, Any]) -> Header:
    """The text elements and sequences of a data set that are looked at anywhere.

    Raises
    ------
    ValueError, TypeError, AttributeError
        For what is no data set.
    """
    return Header(_elements(data_set, 0))


def _elements(data_set: Mapping[str, Any], depth: int) -> dict[int, Element]:
    if depth > _MAX_NESTING:
        raise ValueError("nested too deep")
    elements: dict[int, Element] = {}
    for name, content in data_set.items():
        tag = int(name, 16)
        values = content.get("Value")
        if tag not in ALLOWED_VRS or not values:
            continue
        vr = str(content.get("vr", ""))
        if tag in SEQUENCES:
            items = tuple(_elements(item, depth + 1) for item in values if item)
            elements[tag] = Element("SQ", items=items)
        else:
            elements[tag] = Element(vr, "\\".join(map(_text, values)).encode("utf-8", "replace"))
    return elements


def _text(value: Any) -> str:
    """One value; a missing one holds its place."""
    return str(value) if isinstance(value, str | int | float) else ""
