"""Outline one place that is asked for, with whichever source here can."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from cxr_agent.evidence import Box, EvidenceKind, Location, Observation, Side
from cxr_agent.knowledge import SourceName, structures
from cxr_agent.models.shelf import Shelf
from cxr_agent.regions.sources import EMBEDDED, NotFound, outline_place
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import Abstain, Mask, ToolResult, tool


class Place(StrEnum):
    """What can be asked for: the places of ``kb/regions.toml``."""

    RIGHT_LUNG = "right_lung"
    LEFT_LUNG = "left_lung"
    HEART = "heart"
    RIGHT_CLAVICLE = "right_clavicle"
    LEFT_CLAVICLE = "left_clavicle"
    RIGHT_HEMIDIAPHRAGM = "right_hemidiaphragm"
    LEFT_HEMIDIAPHRAGM = "left_hemidiaphragm"
    RIGHT_SCAPULA = "right_scapula"
    LEFT_SCAPULA = "left_scapula"
    TRACHEA = "trachea"
    CARINA = "carina"
    SPINE = "spine"
    UPPER_MEDIASTINUM = "upper_mediastinum"
    AORTA = "aorta"
    AORTIC_ARCH = "aortic_arch"
    ASCENDING_AORTA = "ascending_aorta"
    DESCENDING_AORTA = "descending_aorta"
    RIGHT_COSTOPHRENIC_ANGLE = "right_costophrenic_angle"
    LEFT_COSTOPHRENIC_ANGLE = "left_costophrenic_angle"
    RIGHT_HILUM = "right_hilum"
    LEFT_HILUM = "left_hilum"
    RIGHT_UPPER_LUNG_ZONE = "right_upper_lung_zone"
    LEFT_UPPER_LUNG_ZONE = "left_upper_lung_zone"
    RIGHT_MID_LUNG_ZONE = "right_mid_lung_zone"
    LEFT_MID_LUNG_ZONE = "left_mid_lung_zone"
    RIGHT_LOWER_LUNG_ZONE = "right_lower_lung_zone"
    LEFT_LOWER_LUNG_ZONE = "left_lower_lung_zone"


KEPT: Final = tuple(one.value for one in Place if one in structures() and one not in EMBEDDED)
"""Masks that later tools may take. Those of the embedded model are there already, and a place that
is derived from them is shown by its box."""
_UNCHECKED: Final = "prompted"
"""A source whose outlines nobody checked on films: told, and handed to no other tool."""


class SegmentStructure(ToolResult):
    """One place, where it is and who outlined it."""

    structure: Place
    source: SourceName
    by_model: str | None
    box: Box
    """(left, top, right, bottom) in film pixels."""
    area_px: int

    def observations(self) -> Iterable[Observation]:
        location, side = _where(self.structure)
        yield Observation(
            kind=EvidenceKind.REGION,
            code=self.structure.value,
            location=location,
            side=side,
            box=self.box,
            details={"area_px": float(self.area_px)},
        )


@tool(
    version="1.0",
    purpose="Outline one named place, as the left costophrenic angle; says so where nobody can.",
    subject="anatomy",
    provides=KEPT,
    time_limit_s=180,
    memory_mib=3072,
)
def segment_structure(
    film: Image,
    shelf: Shelf,
    structure: Place,
    right_lung: Mask | None = None,
    left_lung: Mask | None = None,
    heart: Mask | None = None,
    right_clavicle: Mask | None = None,
    left_clavicle: Mask | None = None,
) -> SegmentStructure:
    """Ask the sources of ``kb/regions.toml`` in their order until one finds the place.

    Raises
    ------
    Abstain
        ``no_model_outlines_it`` where nobody here can, else why it was not found.
    """
    given = (right_lung, left_lung, heart, right_clavicle, left_clavicle)
    masks = {mask.structure: mask.plane for mask in given if mask is not None}
    try:
        found = outline_place(structure.value, film.pixels, masks, shelf)
    except NotFound as outcome:
        raise Abstain(structure.value, outcome.code) from None
    code = structure.value
    kept = code in KEPT and found.source != _UNCHECKED
    return SegmentStructure(
        structure=structure,
        source=found.source,
        by_model=found.model,
        box=found.box,
        area_px=int(found.plane.sum()),
        masks={code: Mask(code, found.plane, found.repeats, found.model)} if kept else {},
    )


def _where(place: Place) -> tuple[Location | None, Side | None]:
    side = next((one for one in (Side.RIGHT, Side.LEFT) if place.startswith(one.value)), None)
    if place.value in structures():
        return structures()[place.value].location, side
    named = place.value.replace("_hilum", " hilar structures").replace("_", " ")
    return next((one for one in Location if one.value == named), None), side
