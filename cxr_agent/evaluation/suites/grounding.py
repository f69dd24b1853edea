"""Where a phrase points to, by rule: what it names, and where that is on the film.

The phrase says which finding and, where it is good, on which side and in which place; the film says
where those places are, and what the classifier used for the finding. That the finding is there is
taken for granted, as the task does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.evaluation.metrics.localisation import box_of, contrast_to_noise, iou, within
from cxr_agent.evaluation.suites.facts import claims_in
from cxr_agent.evidence import Box, Location
from cxr_agent.knowledge import scene_graph_rules
from cxr_agent.prose.claims import Claim
from cxr_agent.regions.places import part_of, usual_places

IOU_LEVELS: Final = (0.1, 0.3, 0.5)
_GRID: Final = 512
"""Longest side of the plane on which boxes that overlap are united, in pixels."""
_STANDARD: Final[Mapping[str, tuple[float, float, float, float]]] = {
    "right_lung": (0.12, 0.12, 0.47, 0.82),
    "left_lung": (0.53, 0.12, 0.88, 0.82),
}
"""(left, top, right, bottom) of the lungs on a film that nobody looked at, as shares of it: our own
rough guess of a centred frontal film."""
_STANDARD_HEART: Final = (0.38, 0.48, 0.78, 0.82)
_SMALLEST, _LARGEST = 0.05, 0.6

Heat = NDArray[np.floating]
Maps = Callable[[str], Heat | None]
"""Gives the map of a finding over the whole film; None where there is none."""


@dataclass(frozen=True, slots=True)
class Pointed:
    """Where a phrase was said to point to."""

    boxes: tuple[Box, ...] = ()
    why: str = ""
    """``map`` or ``place``; where there is no box ``not_understood`` or ``not_located``."""
    heat: Heat | None = None
    """(rows, columns) over the whole film, coarser than it: the map, where there is one."""


def point(text: str, places: Mapping[Location, Box], maps: Maps, shape: tuple[int, int]) -> Pointed:
    """Boxes for a phrase.

    A finding's map gives the box of its highest part within the places that the phrase names, or
    within its usual ones; without a map the places themselves are taken.

    Parameters
    ----------
    places
        Boxes of what was located, in pixels of a film of ``shape`` (rows, columns).
    """
    claims = [claim for claim in claims_in(text) if claim.kind in ("finding", "normal")]
    if not claims:
        return Pointed(why="not_understood")
    boxes: list[Box] = []
    heat: Heat | None = None
    for claim in claims:
        known = [places[one] for one in _places_of(claim) if one in places]
        own = maps(claim.code)
        if own is not None:
            kept = np.where(within(known, _shape(own), shape), own, 0.0) if known else own
            found = box_of(kept, shape)
            heat = own if heat is None or heat.shape != own.shape else np.maximum(heat, own)
            boxes += [found] if found is not None else known
        else:
            boxes += known
    if not boxes:
        return Pointed(why="not_located")
    return Pointed(tuple(dict.fromkeys(boxes)), "place" if heat is None else "map", heat)


def standard_places(shape: tuple[int, int]) -> dict[Location, Box]:
    """Where the places are on a film that nobody looked at, in its pixels."""
    lungs = {name: _scaled(share, shape) for name, share in _STANDARD.items()}
    found = {
        Location.RIGHT_LUNG: lungs["right_lung"],
        Location.LEFT_LUNG: lungs["left_lung"],
        Location.CARDIAC_SILHOUETTE: _scaled(_STANDARD_HEART, shape),
    }
    for place, rule in scene_graph_rules().place.items():
        if set(rule.of) <= set(lungs):
            found.setdefault(place, part_of([lungs[name] for name in rule.of], rule))
    return found


def random_box(name: str, seed: int, shape: tuple[int, int]) -> Box:
    """A box of any place and size on the film, by seed and name."""
    draw = random.Random(f"{seed} {name}")
    rows, columns = shape
    width = round(columns * draw.uniform(_SMALLEST, _LARGEST))
    height = round(rows * draw.uniform(_SMALLEST, _LARGEST))
    left, top = draw.randint(0, columns - width), draw.randint(0, rows - height)
    return left, top, left + width, top + height


def united_iou(found: Sequence[Box], true: Sequence[Box], shape: tuple[int, int]) -> float:
    """Overlap of the areas that two sets of boxes cover together; 0 where one has none."""
    if len(found) == len(true) == 1:
        return iou(found[0], true[0])
    scale = _GRID / max(shape)
    grid = (max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale)))
    one, other = within(found, grid, shape), within(true, grid, shape)
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 0.0


def contrast(heat: Heat, true: Sequence[Box], shape: tuple[int, int]) -> float | None:
    """Contrast-to-noise ratio of a map, inside and outside of true boxes."""
    return contrast_to_noise(heat, within(true, _shape(heat), shape))


def rescaled(boxes: Sequence[Box], old: tuple[int, int], new: tuple[int, int]) -> tuple[Box, ...]:
    """Boxes on a film that was made larger or smaller; shapes are (rows, columns)."""
    down, across = new[0] / old[0], new[1] / old[1]
    return tuple(
        (round(x1 * across), round(y1 * down), round(x2 * across), round(y2 * down))
        for x1, y1, x2, y2 in boxes
    )


def _places_of(claim: Claim) -> Sequence[Location]:
    if claim.locations or claim.kind != "finding":
        return claim.locations
    return usual_places(claim.code, claim.side)[0]


def _shape(heat: Heat) -> tuple[int, int]:
    return heat.shape[0], heat.shape[1]


def _scaled(share: tuple[float, float, float, float], shape: tuple[int, int]) -> Box:
    x1, y1, x2, y2 = share
    rows, columns = shape
    return round(x1 * columns), round(y1 * rows), round(x2 * columns), round(y2 * rows)
