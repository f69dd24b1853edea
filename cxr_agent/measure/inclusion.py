"""Whether the lungs are wholly on the film.

Six margins as in CheXStruct (Lee et al., CXReasonBench, 2025): from the lung to the edge of the
exposed field, over the field's length on that axis. The bottom margin is taken from the lowest lung
point in the medial third above the hemidiaphragm; without that outline from the lowest lung point,
which lies deeper, in the costophrenic angle.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_agent.kept import kept_with_array
from cxr_agent.measure.extent import BoolMask, Extent, extent_of
from cxr_agent.measure.geometry import Geometry, Line, Point, Scene
from cxr_agent.study import FloatImage

_BLACK = 0.02
_FILLED_SHARE = 0.02
_MEDIAL_SHARE: Final = 1 / 3


def inclusion(scene: Scene) -> Geometry:
    """The six margins from ``right_lung`` and ``left_lung``, and hemidiaphragms where there.

    The value is the smallest margin. Quantities: ``apex_right``, ``side_right``, ``bottom_right``
    or, with a hemidiaphragm, ``dome_right``; the same for the left; and what the conditions ask:
    ``apex_level``, ``base_level`` (height differences over the film's), ``lung_width_balance``.

    Raises
    ------
    NotMeasurable
        ``mask_missing``.
    """
    field, rows = scene.field, scene.shape[0]
    margins: dict[str, float] = {}
    landmarks: dict[str, Point] = {}
    lines: list[Line] = []
    boxes = []
    domes = _domes(scene)
    for side in ("right", "left"):
        lung = scene.mask(f"{side}_lung")
        box = extent_of(lung)
        boxes.append(box)
        apex = _point_on_row(lung, box.top, box.top)
        outer = _point_on_column(lung, side, box)
        base, name = _base(domes[side], "dome") if domes else _base(lung, "bottom")
        edge = field.left if side == "right" else field.right
        margins[f"apex_{side}"] = _share(box.top - field.top, field.height)
        margins[f"side_{side}"] = _share(abs(edge - outer[0]) * _inside(outer, field), field.width)
        margins[f"{name}_{side}"] = _share(field.bottom - base[1], field.height)
        landmarks |= {f"apex_{side}": apex, f"side_{side}": outer, f"base_{side}": base}
        lines += [
            Line(f"apex_margin_{side}", (apex, (apex[0], field.top))),
            Line(f"side_margin_{side}", (outer, (edge, outer[1]))),
            Line(f"bottom_margin_{side}", (base, (base[0], field.bottom))),
        ]
    one, other = boxes
    return Geometry(
        min(margins.values()),
        quantities={
            **margins,
            "apex_level": abs(one.top - other.top) / rows,
            "base_level": abs(landmarks["base_right"][1] - landmarks["base_left"][1]) / rows,
            "lung_width_balance": min(one.width, other.width) / max(one.width, other.width),
        },
        landmarks=landmarks,
        lines=tuple(lines),
        box=one.union(other).box,
        remarks=() if domes else ("bottom_without_diaphragm",),
    )


def _domes(scene: Scene) -> dict[str, BoolMask]:
    """Each lung's medial third above its hemidiaphragm; empty unless both sides have one.

    What lies over the heart is left out where that is outlined: a lung that ends at the heart's
    border does not show its base there.
    """
    found: dict[str, BoolMask] = {}
    heart = scene.masks.get("heart")
    for side in ("right", "left"):
        dome, lung = scene.masks.get(f"{side}_hemidiaphragm"), scene.mask(f"{side}_lung")
        if dome is None:
            return {}
        box = extent_of(lung)
        third = max(1, round(box.width * _MEDIAL_SHARE))
        start = box.right - third if side == "right" else box.left
        above = np.zeros_like(lung)
        medial = slice(start, start + third)
        above[:, medial] = lung[:, medial] & ~dome[:, medial]
        if heart is not None:
            above[:, heart.any(axis=0)] = False
        if not above.any():
            return {}
        found[side] = above
    return found


def _base(mask: BoolMask, name: str) -> tuple[Point, str]:
    """The lowest point of a mask, and which of the two margins starts there."""
    bottom = extent_of(mask).bottom
    return _point_on_row(mask, bottom - 1, bottom), name


def _point_on_row(mask: BoolMask, row: int, y: float) -> Point:
    return float(np.flatnonzero(mask[row]).mean()) + 0.5, float(y)


def _point_on_column(lung: BoolMask, side: str, box: Extent) -> Point:
    column = box.left if side == "right" else box.right - 1
    x = box.left if side == "right" else box.right
    return float(x), float(np.flatnonzero(lung[:, column]).mean()) + 0.5


def _inside(point: Point, field: Extent) -> bool:
    return field.left <= point[0] <= field.right


def _share(length: float, whole: int) -> float:
    return max(0.0, float(length)) / whole


@kept_with_array
def exposed_field(pixels: FloatImage) -> Extent:
    """Box of the film without the black border that collimation or padding leaves."""
    lit = pixels > _BLACK
    rows, columns = lit.shape
    # Counted as 16-bit numbers, which hold the longest side: a tenth of the time of 64-bit ones.
    in_rows, in_columns = (lit.view(np.uint8).sum(axis=axis, dtype=np.uint16) for axis in (1, 0))
    kept_rows = np.flatnonzero(in_rows > _FILLED_SHARE * columns)
    kept_columns = np.flatnonzero(in_columns > _FILLED_SHARE * rows)
    if not kept_rows.size or not kept_columns.size:
        return Extent(0, 0, columns, rows)
    return Extent(
        int(kept_columns[0]), int(kept_rows[0]), int(kept_columns[-1]) + 1, int(kept_rows[-1]) + 1
    )


def side_margins(scene: Scene) -> tuple[float, float]:
    """Free space beside the right and the left lung as a share of the exposed field; 0 when cut."""
    right, left = extent_of(scene.mask("right_lung")), extent_of(scene.mask("left_lung"))
    field = scene.field
    return (
        max(0, right.left - field.left) / field.width,
        max(0, field.right - left.right) / field.width,
    )
