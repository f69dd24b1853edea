"""Laying one film over another by its outlines.

An affine map from the outlines of lungs and heart, by Gauss-Newton on their signed distances
(Baker & Matthews, "Lucas-Kanade 20 years on", IJCV 2004). No grey is looked at: what changed
between the films must not pull at the map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_agent.compare.affine import LUNGS, Affine, Frame, Plane, frame_over, mask_in, thorax_of
from cxr_agent.measure.extent import BoolMask

ALIGNED: Final = (*LUNGS, "heart")
"""Structures that the map is found by; the heart where both films have it."""
_WIDTH: Final = 96
"""Cells over the thorax."""
_FAR: Final = 10.0
"""Cells beyond which a distance no longer counts: that is another structure's."""
_STEPS: Final = 40
_STILL: Final = 1e-4
"""Of the numbers of the map: a step below it moves nothing by a hundredth of a cell."""


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """How the moving film lies over the fixed one."""

    to_moving: Affine
    """From pixels of the fixed film to those of the moving one."""
    overlap: float
    """Dice coefficient of both lungs together, once laid over one another, in [0, 1]."""


def register(fixed: Mapping[str, BoolMask], moving: Mapping[str, BoolMask]) -> Registration:
    """The affine map under which the outlines of two films agree best.

    Parameters
    ----------
    fixed, moving
        ``right_lung``, ``left_lung``, neither empty, and ``heart`` where there is one:
        (rows, columns) bool, of each film's own size.
    """
    still, moved = frame_over(fixed, _WIDTH), frame_over(moving, _WIDTH)
    names = [name for name in ALIGNED if name in fixed and name in moving]
    found = _refined(
        _by_boxes(fixed, moving, still, moved),
        still,
        [_distances(mask_in(still, fixed[name], still.to_film)) for name in names],
        [_distances(mask_in(moved, moving[name], moved.to_film)) for name in names],
    )
    to_moving = moved.to_film.after(found).after(still.to_film.inverse)
    return Registration(to_moving, _overlap(fixed, moving, still, to_moving))


def _by_boxes(
    fixed: Mapping[str, BoolMask], moving: Mapping[str, BoolMask], still: Frame, moved: Frame
) -> Affine:
    """The map that lays the box around the lungs over the other, from frame to frame."""
    one, other = thorax_of(fixed), thorax_of(moving)
    across, down = other.width / one.width, other.height / one.height
    films = Affine(
        np.array(
            [
                [across, 0, other.left - across * one.left],
                [0, down, other.top - down * one.top],
            ]
        )
    )
    return moved.to_film.inverse.after(films).after(still.to_film)


def _distances(mask: BoolMask) -> Plane:
    """Signed distance from the outline in cells, cut off where it is far; inside is below 0."""
    from scipy import ndimage

    outside = ndimage.distance_transform_edt(~mask)
    inside = ndimage.distance_transform_edt(mask)
    distance: Plane = np.clip(outside - inside, -_FAR, _FAR)
    return distance


def _refined(start: Affine, still: Frame, wanted: list[Plane], planes: list[Plane]) -> Affine:
    """Gauss-Newton from ``start``: cells of the still frame to those of the moved one."""
    x, y = still.cells
    slopes = [np.gradient(plane) for plane in planes]
    matrix: Plane = start.matrix.copy()
    for _ in range(_STEPS):
        across, down = Affine(matrix).points(x, y)
        places = np.stack([down - 0.5, across - 0.5])
        normal, right = np.zeros((6, 6)), np.zeros(6)
        for target, *seen_in in zip(wanted, planes, *zip(*slopes, strict=True), strict=True):
            seen, by_y, by_x = (_looked_up(one, places) for one in seen_in)
            slope = np.stack([by_x * x, by_x * y, by_x, by_y * x, by_y * y, by_y])
            slope = slope.reshape(6, -1)
            normal += slope @ slope.T
            right += slope @ (target - seen).ravel()
        step = np.linalg.lstsq(normal, right, rcond=1e-10)[0].reshape(2, 3)
        matrix = np.asarray(matrix + step, dtype=np.float64)
        if np.abs(step).max() < _STILL:
            break
    return Affine(matrix)


def _looked_up(plane: Plane, places: Plane) -> Plane:
    """Values at (row, column) index coordinates, between the cells by straight lines."""
    from scipy import ndimage

    return np.asarray(ndimage.map_coordinates(plane, places, order=1, mode="nearest"))


def _overlap(
    fixed: Mapping[str, BoolMask],
    moving: Mapping[str, BoolMask],
    still: Frame,
    to_moving: Affine,
) -> float:
    across = to_moving.after(still.to_film)
    one = np.logical_or.reduce([mask_in(still, fixed[name], still.to_film) for name in LUNGS])
    other = np.logical_or.reduce([mask_in(still, moving[name], across) for name in LUNGS])
    return float(2 * np.sum(one & other) / max(1, int(one.sum()) + int(other.sum())))
