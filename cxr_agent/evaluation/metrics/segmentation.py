"""How well an outline fits a reader's.

References
----------
Dice, Ecology 1945; Jaccard, New Phytologist 1912.
Taha and Hanbury, "Metrics for evaluating 3D medical image segmentation", BMC Med Imaging 2015:
average symmetric surface distance, and the Hausdorff distance at its 95th percentile.
Maier-Hein et al., "Metrics reloaded", Nature Methods 2024: what is said where a mask is empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.bool_]
Spacing = tuple[float, float]
"""(row, column) distance of pixel centres."""

PIXELS: Final[Spacing] = (1.0, 1.0)
_PERCENTILE: Final = 95


def dice(found: Plane, true: Plane) -> float | None:
    """Twice the overlap over both areas, 0 to 1, of two (rows, columns) masks.

    None where both are empty: nothing was there and nothing was found, which is no overlap. 0 where
    one is.
    """
    _same_shape(found, true)
    areas = np.count_nonzero(found) + np.count_nonzero(true)
    return None if not areas else 2 * np.count_nonzero(found & true) / areas


def iou(found: Plane, true: Plane) -> float | None:
    """The overlap over the area of both together; empty masks as for :func:`dice`."""
    _same_shape(found, true)
    union = np.count_nonzero(found | true)
    return None if not union else np.count_nonzero(found & true) / union


@dataclass(frozen=True, slots=True)
class SurfaceDistances:
    """Between two borders, in the unit of the spacing."""

    mean: float
    """Average symmetric surface distance: of all pixels of both borders to the other one."""
    hausdorff_95: float
    """The larger of the two directed distances that 95 % of a border's pixels stay within."""


def surface_distances(
    found: Plane, true: Plane, spacing: Spacing = PIXELS
) -> SurfaceDistances | None:
    """Distances of the borders of two (rows, columns) masks; None where one is empty.

    A border pixel is one in the mask with one of its four neighbours outside; the edge of the film
    counts as outside.
    """
    _same_shape(found, true)
    if not found.any() or not true.any():
        return None
    part = _around(found | true)
    ours, theirs = _border(found[part]), _border(true[part])
    there, back = _distances(ours, theirs, spacing), _distances(theirs, ours, spacing)
    return SurfaceDistances(
        mean=float((there.sum() + back.sum()) / (there.size + back.size)),
        hausdorff_95=float(max(np.percentile(one, _PERCENTILE) for one in (there, back))),
    )


def _same_shape(found: Plane, true: Plane) -> None:
    if found.shape != true.shape:
        raise ValueError("two masks of one film have the same shape")


def _around(plane: Plane) -> tuple[slice, slice]:
    """The box of a mask: nothing outside it bears on distances."""
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _border(plane: Plane) -> Plane:
    from scipy.ndimage import binary_erosion

    border: Plane = plane & ~binary_erosion(plane)
    return border


def _distances(from_here: Plane, to: Plane, spacing: Spacing) -> NDArray[np.float64]:
    from scipy.ndimage import distance_transform_edt

    distances: NDArray[np.float64] = distance_transform_edt(~to, sampling=spacing)[from_here]
    return distances
