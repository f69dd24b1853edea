"""Outline both lungs, the heart and both clavicles."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cxr_agent.evidence import Box, EvidenceKind, Location, Observation, Side
from cxr_agent.measure.extent import extent
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import Abstain, Mask, ToolResult, tool

STRUCTURES = ("right_lung", "left_lung", "heart", "left_clavicle", "right_clavicle")
_WHERE = {
    "right_lung": (Location.RIGHT_LUNG, Side.RIGHT),
    "left_lung": (Location.LEFT_LUNG, Side.LEFT),
    "heart": (Location.CARDIAC_SILHOUETTE, None),
    "left_clavicle": (Location.LEFT_CLAVICLE, Side.LEFT),
    "right_clavicle": (Location.RIGHT_CLAVICLE, Side.RIGHT),
}


class SegmentAnatomy(ToolResult):
    """Which structures were outlined, and where."""

    film_probability: float
    """That the picture is an upright frontal chest film at all."""
    boxes: dict[str, Box]
    """(left, top, right, bottom) in film pixels."""
    areas_px: dict[str, int]
    missing: tuple[str, ...]

    def observations(self) -> Iterable[Observation]:
        for structure in STRUCTURES:
            location, side = _WHERE[structure]
            if structure in self.missing:
                yield Observation(
                    kind=EvidenceKind.LIMITATION,
                    code=structure,
                    location=location,
                    side=side,
                    reasons=("not_outlined",),
                )
            else:
                yield Observation(
                    kind=EvidenceKind.REGION,
                    code=structure,
                    location=location,
                    side=side,
                    box=self.boxes[structure],
                    details={"area_px": self.areas_px[structure]},
                )


@tool(
    version="1.1",
    purpose="Outline the lungs, heart and clavicles of a frontal film; other tools need the masks.",
    subject="anatomy",
    model="anatomy",
    provides=STRUCTURES,
    time_limit_s=60,
    memory_mib=900,
)
def segment_anatomy(film: Image, shelf: Shelf) -> SegmentAnatomy:
    """Run the embedded anatomy model.

    The side of a structure is that of the picture: what lies on its left is called right, as
    the patient's right is there on every properly displayed frontal film.

    Raises
    ------
    Abstain
        ``not_frontal_chest`` when the picture does not look like an upright frontal chest film,
        or when neither lung can be outlined.
    """
    model = shelf.anatomy()
    anatomy = model.segment(film.pixels, repeat=True)
    if not model.is_film(anatomy):
        raise Abstain("anatomy", "not_frontal_chest")
    masks: dict[str, Mask] = {}
    boxes: dict[str, Box] = {}
    areas: dict[str, int] = {}
    for structure, outline in anatomy.outlines.items():
        box = extent(outline.plane)
        if box is None:
            continue
        masks[structure] = Mask(structure, outline.plane, outline.repeats, model.card.id)
        boxes[structure] = box.box
        areas[structure] = int(np.count_nonzero(outline.plane))
    if "right_lung" not in masks and "left_lung" not in masks:
        raise Abstain("anatomy", "not_frontal_chest")
    return SegmentAnatomy(
        film_probability=anatomy.film_probability,
        boxes=boxes,
        areas_px=areas,
        missing=tuple(name for name in STRUCTURES if name not in masks),
        masks=masks,
    )
