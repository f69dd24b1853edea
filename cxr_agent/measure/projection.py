"""Projection from the shoulder blades: on AP films they lie over the lungs.

CheXStruct (Lee et al., CXReasonBench, 2025): per side, the share of the scapula that lies over the
lung.
"""

from __future__ import annotations

from cxr_agent.measure.extent import extent_of
from cxr_agent.measure.geometry import Geometry, Line, NotMeasurable, Scene


def projection(scene: Scene) -> Geometry:
    """Mean overlap of both sides, from both scapulae and both lungs.

    Quantities: ``overlap_right``, ``overlap_left``; for the conditions ``scapula_low``,
    ``scapula_high`` (least and largest height over the film's), ``scapula_narrow``,
    ``scapula_wide`` (widths over the film's), ``scapula_square`` (the larger, over both sides, of
    the lesser of height and width) and ``lung_there`` (least height and width, over the film's, of
    the lung at the level of the scapula).

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``lung_not_at_scapula``.
    """
    rows, columns = scene.shape
    overlaps: dict[str, float] = {}
    heights, widths, there = [], [], []
    lines: list[Line] = []
    landmarks = {}
    for side in ("right", "left"):
        scapula, lung = scene.mask(f"{side}_scapula"), scene.mask(f"{side}_lung")
        box = extent_of(scapula)
        overlaps[f"overlap_{side}"] = float((scapula & lung).sum() / scapula.sum())
        heights.append(box.height / rows)
        widths.append(box.width / columns)
        level = lung[box.top : box.bottom]
        if not level.any():
            raise NotMeasurable("lung_not_at_scapula")
        beside = extent_of(level)
        there += [beside.height / rows, beside.width / columns]
        corners = ((box.left, box.top), (box.right, box.top), (box.right, box.bottom))
        outline = (*corners, (box.left, box.bottom), (box.left, box.top))
        lines.append(Line(f"scapula_{side}", outline, f"{overlaps[f'overlap_{side}']:.2f}"))
        landmarks[f"scapula_{side}"] = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
    return Geometry(
        sum(overlaps.values()) / 2,
        quantities={
            **overlaps,
            "scapula_low": min(heights),
            "scapula_high": max(heights),
            "scapula_narrow": min(widths),
            "scapula_wide": max(widths),
            "scapula_square": max(min(h, w) for h, w in zip(heights, widths, strict=True)),
            "lung_there": min(there),
        },
        landmarks=landmarks,
        lines=tuple(lines),
    )
