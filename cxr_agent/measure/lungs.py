"""Area of the lungs and how their width changes from apex to base."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from cxr_agent.evidence import Side
from cxr_agent.measure.extent import BoolMask, extent_of
from cxr_agent.measure.geometry import Geometry, Line, Measure, NotMeasurable, Scene

_BANDS: Final = 10
_END_BANDS: Final = 3


def lung_area(scene: Scene, side: Side) -> Geometry:
    """Visible area of one lung in pixels, without what heart and diaphragm hide.

    Raises
    ------
    NotMeasurable
        ``mask_missing``.
    """
    lung = scene.mask(f"{side.value}_lung")
    box = extent_of(lung)
    return Geometry(float(np.count_nonzero(lung)), side=side, box=box.box)


def area_of(side: Side) -> Measure:
    """:func:`lung_area` of one side."""
    return partial(lung_area, side=side)


def lung_area_ratio(scene: Scene) -> Geometry:
    """Area of the left lung over that of the right; needs both lungs."""
    right, left = scene.mask("right_lung"), scene.mask("left_lung")
    return Geometry(
        np.count_nonzero(left) / np.count_nonzero(right),
        box=extent_of(right).union(extent_of(left)).box,
    )


def lung_profile(scene: Scene) -> Geometry:
    """Mean width of both lungs in their upper three of ten bands over that in their lower three.

    Quantities: ``right_1`` to ``right_10`` and ``left_1`` to ``left_10``, the mean widths in ten
    equal bands of each lung's height, from the apex, over the width of the thorax.

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``lung_too_low`` for a lung of fewer rows than bands.
    """
    lungs = {side: scene.mask(f"{side}_lung") for side in ("right", "left")}
    thorax = extent_of(lungs["right"]).union(extent_of(lungs["left"]))
    quantities: dict[str, float] = {}
    lines: list[Line] = []
    apical, basal = [], []
    for side, lung in lungs.items():
        bands = _bands(lung)
        quantities |= {f"{side}_{n}": w / thorax.width for n, w in enumerate(bands, 1)}
        apical.append(np.mean(bands[:_END_BANDS]))
        basal.append(np.mean(bands[-_END_BANDS:]))
        lines += _drawn(side, lung)
    return Geometry(
        float(sum(apical) / sum(basal)), quantities=quantities, lines=tuple(lines), box=thorax.box
    )


def _bands(lung: BoolMask) -> list[float]:
    box = extent_of(lung)
    if box.height < _BANDS:
        raise NotMeasurable("lung_too_low")
    # Bands may end within a row, so that the widths do not depend on the grid.
    area = np.concatenate([[0], lung[box.top : box.bottom].sum(axis=1).cumsum()])
    ends = np.linspace(0, box.height, _BANDS + 1)
    areas = np.diff(np.interp(ends, np.arange(box.height + 1), area))
    return [float(one) for one in areas * _BANDS / box.height]


def _drawn(side: str, lung: BoolMask) -> list[Line]:
    """The lung's reach in the middle of each band."""
    box = extent_of(lung)
    lines = []
    for number in range(_BANDS):
        row = int(box.top + (number + 0.5) * box.height / _BANDS)
        columns = np.flatnonzero(lung[row])
        if columns.size:
            ends = ((float(columns[0]), row + 0.5), (float(columns[-1]) + 1, row + 0.5))
            lines.append(Line(f"width_{side}_{number + 1}", ends))
    return lines
