"""Depth of inspiration: which posterior rib meets the right hemidiaphragm.

CheXStruct (Lee et al., CXReasonBench, 2025) counts on a vertical line at 40 % of the right lung's
width from its lateral edge, which stands in for the mid-clavicular line.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from cxr_agent.evidence import Side
from cxr_agent.knowledge import members
from cxr_agent.measure.extent import BoolMask, Extent, extent_of
from cxr_agent.measure.geometry import Geometry, Line, NotMeasurable, Scene

_LINE_SHARE: Final = 0.40
RIBS: Final = "posterior_ribs_right"


def inspiration(scene: Scene) -> Geometry:
    """The rib's number, from ``right_lung``, ``right_hemidiaphragm`` and the right posterior ribs.

    Quantities: ``gap`` (from the last rib above to the dome, over the height from the first rib to
    it), ``covered`` (share of the lung on the line that the diaphragm covers), ``missing`` (ribs
    not outlined up to the answer), ``reaching`` (share that reach the lung's columns), and of
    neighbouring ribs the largest ``overlap_1_2``, ``overlap_2_3``, ``overlap_rest`` (IoU) and
    ``spacing_2_3``, ``spacing_rest`` (over the height from first rib to dome).

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``diaphragm_unclear``, ``ribs_unclear``.
    """
    lung, dome_mask = scene.mask("right_lung"), scene.mask("right_hemidiaphragm")
    box = extent_of(lung)
    x = _line(lung, box)
    column = min(int(x), scene.shape[1] - 1)
    dome_rows = np.flatnonzero(dome_mask[:, column])
    if not dome_rows.size:
        raise NotMeasurable("diaphragm_unclear")
    dome = float(dome_rows[0])
    names = members(RIBS)
    ribs = scene.group(names)
    spans = {names.index(name) + 1: _span(plane, column) for name, plane in ribs.items()}
    answer = _meeting(spans, dome)
    counted = [number for number in range(1, answer + 1) if number in spans]
    first, last = spans[counted[0]], spans[answer]
    height = max(dome - (first[0] + first[1]) / 2, 1.0)
    lung_rows = np.flatnonzero(lung[:, column])
    centres = [(spans[n][0] + spans[n][1]) / 2 for n in counted]
    return Geometry(
        float(answer),
        quantities={
            "gap": max(0.0, dome - last[1]) / height,
            "covered": float(dome_mask[lung_rows, column].mean()) if lung_rows.size else 0.0,
            "missing": float(answer - len(counted)),
            "reaching": float(
                np.mean([_reaches(ribs[names[number - 1]], box) for number in counted])
            ),
            **_overlaps({n: ribs[names[n - 1]] for n in counted}),
            **_spacings(counted, centres, height),
        },
        landmarks={
            "dome": (x, dome),
            **{f"rib_{n}": (x, y) for n, y in zip(counted, centres, strict=True)},
        },
        lines=(
            Line("counting_line", ((x, box.top), (x, dome)), "40 % of the lung's width"),
            *(
                Line(f"rib_{n}", ((x - box.width * 0.06, y), (x + box.width * 0.06, y)), str(n))
                for n, y in zip(counted, centres, strict=True)
            ),
        ),
        side=Side.RIGHT,
        box=box.box,
    )


def _line(lung: BoolMask, box: Extent) -> float:
    """x of the counting line; the width is that of the middle third of the lung's height."""
    third = box.height / 3
    middle = lung[int(box.top + third) : max(int(box.top + 2 * third), int(box.top + third) + 1)]
    across = extent_of(middle) if middle.any() else box
    return across.left + _LINE_SHARE * across.width


def _span(rib: BoolMask, column: int) -> tuple[float, float]:
    """Rows of a rib on the line, or nearest to it."""
    columns = np.flatnonzero(rib.any(axis=0))
    nearest = int(columns[np.abs(columns - column).argmin()])
    rows = np.flatnonzero(rib[:, nearest])
    return float(rows[0]), float(rows[-1] + 1)


def _meeting(spans: dict[int, tuple[float, float]], dome: float) -> int:
    """The rib that meets the dome, else the last one above it."""
    meeting = [number for number, (top, bottom) in spans.items() if top <= dome <= bottom]
    above = [number for number, (_, bottom) in spans.items() if bottom < dome]
    if not meeting and not above:
        raise NotMeasurable("ribs_unclear")
    return max(meeting) if meeting else max(above)


def _reaches(rib: BoolMask, lung: Extent) -> bool:
    found = extent_of(rib)
    return found.left < lung.right and found.right > lung.left


def _overlaps(ribs: dict[int, BoolMask]) -> dict[str, float]:
    found = {"overlap_1_2": 0.0, "overlap_2_3": 0.0, "overlap_rest": 0.0}
    for (one, above), (other, below) in pairwise(ribs.items()):
        union = np.count_nonzero(above | below)
        share = np.count_nonzero(above & below) / union if union else 0.0
        key = f"overlap_{one}_{other}" if (one, other) in ((1, 2), (2, 3)) else "overlap_rest"
        found[key] = max(found[key], share)
    return found


def _spacings(counted: list[int], centres: list[float], height: float) -> dict[str, float]:
    found = {"spacing_2_3": 0.0, "spacing_rest": 0.0}
    for (one, above), (_, below) in pairwise(zip(counted, centres, strict=True)):
        key = "spacing_2_3" if one == 2 else "spacing_rest"
        found[key] = max(found[key], (below - above) / height)
    return found
