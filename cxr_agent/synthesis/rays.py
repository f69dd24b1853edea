"""Rays through voxels: line integrals of the attenuation, and exact paths through labels.

Along the axis that the beam is closest to, the volume is taken slab by slab. In each slab all rays
meet a plane, so one two-dimensional look-up per slab serves all pixels (Joseph's method). Between
two planes a ray crosses at most one voxel border of each other axis, so that the at most three
voxels it visits, and the lengths in them, are known exactly (Siddon's method).

References
----------
Joseph, IEEE Trans Med Imaging 1982; Siddon, Med Phys 1985.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cxr_agent.synthesis.geometry import Projection
from cxr_agent.synthesis.volume import Affine, LabelMask

Plane = NDArray[np.float32]
FloatVolume = NDArray[np.float32]
_Kind = TypeVar("_Kind", bound=np.generic)
_BAND: Final = 64
"""Detector rows that are worked on together: they stay in the processor's cache."""
_PARALLEL: Final = 1e-9
_NEAREST_MM: Final = 1.0
"""To the source."""
_MOST_SLOPE: Final = 8.0
"""Voxels across for each along: beyond it, a ray would be cut into absurdly many steps."""


@dataclass(frozen=True, slots=True)
class _Rays:
    """Rays of some detector rows in voxel indices, the main axis last."""

    slopes: NDArray[np.float64]
    """(2, rows, columns) voxels across for each voxel along the main axis."""
    offsets: NDArray[np.float64]
    """(2, rows, columns) where a ray would be at index 0 of the main axis."""
    length_mm: NDArray[np.float64]
    """(rows, columns) of ray for each voxel along the main axis."""
    steps: int
    """Pieces that a voxel along the main axis is cut into, so that no piece is crossed aslant."""


def line_integrals(values: FloatVolume, affine: Affine, projection: Projection) -> Plane:
    """(rows, columns) integral of ``values`` along each ray, in their unit times mm.

    Outside the volume they are zero.
    """
    turned, axes = _along(values, affine, projection)

    def band(rows: NDArray[np.intp]) -> Plane:
        rays = _rays(affine, projection, (rows, np.arange(projection.columns)), axes)
        total = np.zeros(rays.length_mm.shape, dtype=np.float32)
        count = turned.shape[0] * rays.steps
        for number in range(count):
            at = (number + 0.5) / rays.steps - 0.5
            where = rays.offsets + rays.slopes * at
            total += ndimage.map_coordinates(
                _between(turned, at), where, output=np.float32, order=1, mode="constant"
            )
        whole: Plane = (total * rays.length_mm / rays.steps).astype(np.float32)
        return whole

    return _by_bands(band, np.arange(projection.rows))


def path_lengths(mask: LabelMask, affine: Affine, projection: Projection) -> Plane:
    """(rows, columns) millimetres of each ray inside the voxels of ``mask``, exact.

    The rays are those through the centres of the pixels. A voxel is a box; a ray that crosses none
    gives exactly zero.
    """
    whole = np.zeros((projection.rows, projection.columns), dtype=np.float32)
    box = ndimage.find_objects(mask.astype(np.uint8))
    if not box or box[0] is None:
        return whole
    start = np.array([part.start for part in box[0]])
    cropped = affine.copy()
    # A border of nothing lets an index outside be clipped to one that counts for nothing.
    cropped[:3, 3] += affine[:3, :3] @ (start - 1)
    kept, axes = _along(np.pad(mask[box[0]], 1), cropped, projection)
    rows, columns = _window(kept, axes, cropped, projection)
    if not (rows.size and columns.size):
        return whole
    shape = np.array(kept.shape[1:])[:, None, None] - 1

    def band(some: NDArray[np.intp]) -> Plane:
        rays = _rays(cropped, projection, (some, columns), axes)
        total = np.zeros(rays.length_mm.shape)
        for number in range(kept.shape[0] * rays.steps):
            low = number / rays.steps - 0.5
            plane = kept[number // rays.steps]
            if plane.any():
                total += _inside(plane, rays, low, shape)
        lengths: Plane = (total * rays.length_mm / rays.steps).astype(np.float32)
        return lengths

    whole[rows[:, None], columns] = _by_bands(band, rows)
    return whole


def _window(
    kept: LabelMask, axes: tuple[int, int, int], affine: Affine, projection: Projection
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns between which the box of a label falls; all, where it is at the source."""
    sides = np.empty(3)
    sides[list(axes)] = kept.shape
    corners = np.array(list(product((0, 1), repeat=3))) * sides - 0.5
    places = corners @ affine[:3, :3].T + affine[:3, 3]
    if (projection.depths(places) < _NEAREST_MM).any():
        return np.arange(projection.rows), np.arange(projection.columns)
    x, y = projection.project(places).T
    return _between_sides(y, projection.rows), _between_sides(x, projection.columns)


def _between_sides(places: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    low, high = np.clip([places.min() - 1, places.max() + 1], 0, count)
    return np.arange(int(low), int(np.ceil(high)))


def _inside(
    plane: LabelMask, rays: _Rays, low: float, shape: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Share of a slab's thickness that each ray spends in set voxels."""
    enter = rays.offsets + rays.slopes * low
    leave = enter + rays.slopes / rays.steps
    first, last = np.rint(enter), np.rint(leave)
    border = (first + last) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        when = np.where(first != last, (border - enter) / (leave - enter), 1.0)
    i0, j0 = np.clip(first, 0, shape).astype(np.intp)
    i1, j1 = np.clip(last, 0, shape).astype(np.intp)
    sooner = np.clip(when.min(axis=0), 0, 1)
    later = np.clip(when.max(axis=0), 0, 1)
    i_first = when[0] <= when[1]
    middle = plane[np.where(i_first, i1, i0), np.where(i_first, j0, j1)]
    share: NDArray[np.float64] = plane[i0, j0] * sooner
    share += middle * (later - sooner)
    share += plane[i1, j1] * (1 - later)
    return share


def _between(turned: FloatVolume, at: float) -> Plane:
    """The plane at a height between two slices."""
    low = int(np.floor(at))
    share = at - low
    if share == 0:
        exact: Plane = turned[low]
        return exact
    below = turned[low] if low >= 0 else 0.0
    above = turned[low + 1] if low + 1 < turned.shape[0] else 0.0
    mixed: Plane = np.asarray((1 - share) * below + share * above, dtype=np.float32)
    return mixed


def _along(
    values: NDArray[_Kind], affine: Affine, projection: Projection
) -> tuple[NDArray[_Kind], tuple[int, int, int]]:
    """The array with the axis first that the central ray is closest to, and the order of axes."""
    source = projection.into_patient(projection.source)
    target = projection.into_patient(projection.axes[0] * projection.isocentre_detector_mm)
    direction = np.linalg.solve(affine[:3, :3], target - source)
    main = int(np.abs(direction).argmax())
    first, second = (axis for axis in range(3) if axis != main)
    order = (main, first, second)
    return np.ascontiguousarray(values.transpose(order)), order


def _rays(
    affine: Affine,
    projection: Projection,
    pixels: tuple[NDArray[np.intp], NDArray[np.intp]],
    axes: tuple[int, int, int],
) -> _Rays:
    inverse = np.linalg.inv(affine)
    source = projection.into_patient(projection.source)
    ends = projection.into_patient(projection.pixel_centres(*pixels)) - source
    steps = ends @ inverse[:3, :3].T
    start = inverse[:3, :3] @ source + inverse[:3, 3]
    main, *across = axes
    along = steps[..., main]
    along = np.where(np.abs(along) < _PARALLEL, _PARALLEL, along)
    slopes = np.stack([steps[..., axis] / along for axis in across])
    steepest = min(float(np.abs(slopes).max()), _MOST_SLOPE)
    offsets = np.stack(
        [start[axis] - slope * start[main] for axis, slope in zip(across, slopes, strict=True)]
    )
    length = np.linalg.norm(ends, axis=-1) / np.abs(along)
    return _Rays(slopes, offsets, length, max(1, int(np.ceil(steepest))))


def _by_bands(work: Callable[[NDArray[np.intp]], Plane], rows: NDArray[np.intp]) -> Plane:
    """The planes of all bands of rows, one below the other."""
    bands = [rows[start : start + _BAND] for start in range(0, len(rows), _BAND)]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return np.concatenate(list(pool.map(work, bands)))
