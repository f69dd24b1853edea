"""A DICOM file to a film: the rules of the other modules in the order in which they apply."""

from __future__ import annotations

import re
from typing import Final

from cxr_agent.errors import UnsuitableCode
from cxr_agent.imaging.dicom_file import read_dicom_file
from cxr_agent.imaging.dicom_pixels import pixel_layout, stored_pixels
from cxr_agent.imaging.dicom_recipe import recipe, stored_values
from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.dicom_values import Header
from cxr_agent.imaging.film import DecodedFilm, ordered
from cxr_agent.imaging.header_rules import check_object, check_region, view_facts
from cxr_agent.imaging.patient import patient_facts
from cxr_agent.imaging.presentation import histogram, look_up, show
from cxr_agent.imaging.refusal import refusal
from cxr_agent.imaging.spacing import spacing_facts
from cxr_agent.imaging.synthetic import is_marked_header
from cxr_agent.imaging.turning import turn, turn_spacing
from cxr_agent.study import AgeGroup, Notice

_UIDS: Final = (Tag.SOP_INSTANCE_UID, Tag.SERIES_INSTANCE_UID, Tag.STUDY_INSTANCE_UID)
_UID: Final = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*", re.ASCII)
_UID_LENGTH: Final = 64
_CHARACTER_SETS: Final = frozenset(
    {
        "",
        *(f"ISO_IR {n}" for n in (6, 13, 100, 101, 109, 110, 126, 127, 138, 144, 148, 166)),
        *(f"ISO_IR {n}" for n in (192, 203)),
        *(f"ISO 2022 IR {n}" for n in (6, 13, 58, 87, 100, 101, 109, 110, 126, 127, 138, 144)),
        *(f"ISO 2022 IR {n}" for n in (148, 149, 159, 166, 203)),
        "GB18030",
        "GBK",
    }
)
"""Defined terms of Specific Character Set (PS3.3 C.12.1.1.2)."""


def dicom_film(data: bytes) -> DecodedFilm:
    """Decode a DICOM file.

    Whether the object is meant to be read at all comes first, then what it shows, then whether
    its pixels are sound: the first refusal is the one that helps most.

    Raises
    ------
    InputError
        What the modules of this package raise.
    UnsuitableFilm
        ``unsupported_modality``, ``not_chest``, ``lateral_view``, ``rotated_film``,
        ``paediatric``.
    """
    file = read_dicom_file(data)
    header = file.header
    check_object(header)
    check_region(header)
    view = view_facts(header)
    patient = patient_facts(header)
    if patient.age_group is AgeGroup.PAEDIATRIC:
        raise refusal(UnsuitableCode.PAEDIATRIC)
    layout = pixel_layout(header)
    how = recipe(header, layout)
    stored = stored_pixels(file, layout)
    shown = show(stored_values(layout), histogram(stored.indices, 1 << layout.bits), how)
    pixels = look_up(turn(stored.indices, view.flip), shown)
    spacing = spacing_facts(header, layout.shape)
    notices = file.notices | stored.notices | view.notices | patient.notices | spacing.notices
    notices |= _header_notices(header)
    if shown.bad_window:
        notices |= {Notice.BAD_WINDOW}
    if how.inverted:
        notices |= {Notice.INVERTED}
    return DecodedFilm(
        pixels,
        view=view.view,
        view_source=view.view_source,
        age_group=patient.age_group,
        spacing=turn_spacing(spacing.spacing, view.flip),
        notices=ordered(notices),
        film_day=patient.film_day,
        patient=patient.fingerprint,
        study=patient.study,
    )


def _header_notices(header: Header) -> frozenset[Notice]:
    """What elements that are not used for the picture tell of the file: faults, and marks."""
    notices: set[Notice] = set()
    for tag in _UIDS:
        uid = header.text(tag)
        if header.filled(tag) and (len(uid) > _UID_LENGTH or not _UID.fullmatch(uid)):
            notices.add(Notice.BAD_UID)
    if not _CHARACTER_SETS.issuperset(header.texts(Tag.SPECIFIC_CHARACTER_SET)):
        notices.add(Notice.BAD_CHARSET)
    if header.text(Tag.BURNED_IN_ANNOTATION).upper() == "YES":
        notices.add(Notice.BURNED_IN_TEXT)
    if is_marked_header(header):
        notices.add(Notice.SYNTHETIC)
    return frozenset(notices)
