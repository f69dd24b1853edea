"""Where the locations of Chest ImaGenome lie on a film, by rule from the boxes of outlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cxr_agent.evidence import Box, Location, Side
from cxr_agent.knowledge import scene_graph_rules, structures
from cxr_agent.knowledge.scene_graph import Place

_SIDES = {Side.RIGHT: ("right",), Side.LEFT: ("left",), Side.BILATERAL: ("right", "left")}


def box_of(place: Location, outlined: Mapping[str, Box]) -> tuple[Box, tuple[str, ...]] | None:
    """The box of a location and the structures that it comes from; None without their outlines.

    Parameters
    ----------
    outlined
        (left, top, right, bottom) in film pixels, by structure.
    """
    known = structures()
    own = next((name for name in outlined if name in known and known[name].location is place), None)
    if own is not None:
        return outlined[own], (own,)
    rule = scene_graph_rules().place.get(place)
    if rule is None or not outlined.keys() >= set(rule.of):
        return None
    return part_of([outlined[name] for name in rule.of], rule), rule.of


def part_of(boxes: Sequence[Box], rule: Place) -> Box:
    """The part of the box around several boxes that a rule names."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    left, top = min(lefts), min(tops)
    width, height = max(rights) - left, max(bottoms) - top
    x1, y1, x2, y2 = rule.share
    return (
        round(left + x1 * width),
        round(top + y1 * height),
        round(left + x2 * width),
        round(top + y2 * height),
    )


def usual_places(code: str, side: Side | None) -> tuple[list[Location], bool]:
    """Where a finding is by its kind and side, and whether that is only where it usually is."""
    rules = scene_graph_rules().finding
    rule = rules.get(code, rules["default"])
    known = _SIDES.get(side) if side is not None else None
    found: list[Location] = []
    for template in rule.at:
        if "{side}" in template:
            found += [Location(template.format(side=one)) for one in known or ("right", "left")]
        else:
            found.append(Location(template))
    return found, known is None and any("{side}" in template for template in rule.at)
