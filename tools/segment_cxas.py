"""Outline airways, bones, diaphragm and vessels with CXAS, where it was pulled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cxr_agent.evidence import Box, Observation
from cxr_agent.measure.extent import extent
from cxr_agent.models.adapters.cxas_labels import STRUCTURES
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import Abstain, Mask, ToolResult, tool
from cxr_agent.toolbox.outlined import statements
from cxr_agent.tools.segment_anatomy import STRUCTURES as EMBEDDED

PROVIDED: Final = tuple(name for name in STRUCTURES if name not in EMBEDDED)
"""CXAS outlines lungs, heart and clavicles too. They stay those of the embedded model even where it
found none: the intervals of what is measured on them were checked on held-out films, and a report
must not say of one structure both that it was outlined and that it was not."""


class SegmentCxas(ToolResult):
    """Which structures were outlined, and where."""

    boxes: dict[str, Box]
    """(left, top, right, bottom) in film pixels."""
    areas_px: dict[str, int]

    def observations(self) -> Iterable[Observation]:
        return statements(PROVIDED, self.boxes, self.areas_px)


@tool(
    version="1.0",
    purpose="Outline trachea, spine, ribs, diaphragm, scapulae, aorta; other tools need the masks.",
    subject="anatomy",
    pretrained="cxas",
    provides=PROVIDED,
    time_limit_s=180,
    memory_mib=3072,
)
def segment_cxas(film: Image, shelf: Shelf) -> SegmentCxas:
    """Run CXAS (Seibold et al., 2023, arXiv:2306.03934) on the film and its altered copies.

    The side of a structure is that of the picture, as on every properly displayed frontal film.

    Raises
    ------
    Abstain
        ``not_outlined`` when nothing is found at all.
    """
    masks: dict[str, Mask] = {}
    boxes: dict[str, Box] = {}
    areas: dict[str, int] = {}
    for structure, outline in shelf.cxas().outline(film.pixels, PROVIDED).items():
        box = extent(outline.plane)
        if box is None:
            continue
        masks[structure] = Mask(structure, outline.plane, outline.repeats, "cxas")
        boxes[structure] = box.box
        areas[structure] = int(outline.plane.sum())
    if not masks:
        raise Abstain("anatomy", "not_outlined")
    return SegmentCxas(boxes=boxes, areas_px=areas, masks=masks)
