"""A CT volume and its labels, whatever file they came from.

Patient coordinates are DICOM's: millimetres in LPS, x to the patient's left, y to the back, z to
the head. An array is indexed (i, j, k); ``affine`` takes the centre of voxel (i, j, k) to LPS.

References
----------
DICOM PS3.3 C.7.6.2.1.1 (Image Position and Image Orientation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.synthesis.refusal import VolumeCode, volume_refusal

HounsfieldVolume = NDArray[np.int16]
LabelMask = NDArray[np.bool_]
Affine = NDArray[np.float64]
Points = NDArray[np.float64]

AIR_HU: Final = -1000
MAX_VOXELS: Final = 320_000_000
"""Two bytes each; a chest CT of 512 x 512 x 1,200 fits."""
MIN_SIDE: Final = 8
"""Voxels along an axis: what has fewer is no volume."""
MIN_VOXEL_MM: Final = 0.1
MAX_VOXEL_MM: Final = 12.0
MIN_HU: Final = -1024
MAX_HU: Final = 3071


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A CT, and what was outlined in it."""

    hu: HounsfieldVolume
    """(i, j, k) int16, Hounsfield units, clipped to those of a CT of 12 bits."""
    affine: Affine
    """(4, 4) from voxel indices to LPS in mm."""
    labels: Mapping[str, LabelMask] = field(default_factory=dict)
    """(i, j, k) bool by structure of ``kb/structures.toml``, or by a name of its own."""

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between voxel centres along i, j and k."""
        lengths = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(lengths[0]), float(lengths[1]), float(lengths[2])

    @property
    def centre(self) -> Points:
        """(3,) LPS of the middle of the volume."""
        middle = (np.array(self.hu.shape) - 1) / 2
        return self.to_patient(middle)

    def to_patient(self, indices: Points) -> Points:
        """LPS of voxel indices (..., 3)."""
        moved: Points = indices @ self.affine[:3, :3].T + self.affine[:3, 3]
        return moved


def checked_volume(
    values: NDArray[np.generic], affine: Affine, labels: Mapping[str, LabelMask] | None = None
) -> Volume:
    """A volume whose size, spacing and values are those of a CT.

    Raises
    ------
    InputError
        ``volume_too_small``, ``volume_too_large``, ``volume_geometry``, ``not_hounsfield``.
    """
    if values.ndim != 3 or min(values.shape) < MIN_SIDE:
        raise volume_refusal(VolumeCode.TOO_SMALL)
    check_voxels(values.shape)
    check_affine(affine)
    slices = [values[:, :, place] for place in range(values.shape[2])]
    if not all(np.isfinite(one).all() for one in slices):
        raise volume_refusal(VolumeCode.NOT_HOUNSFIELD)
    lowest, highest = float(values.min()), float(values.max())
    # Hounsfield units hold air; a picture of 8 bits, a mask or a magnetic resonance does not.
    if lowest > -200 or highest <= -200 or highest - lowest < 300:
        raise volume_refusal(VolumeCode.NOT_HOUNSFIELD)
    hu = np.empty(values.shape, dtype=np.int16)
    for place, one in enumerate(slices):  # copies of the whole would be gigabytes
        hu[:, :, place] = np.rint(np.clip(one, MIN_HU, MAX_HU))
    return Volume(hu, affine, dict(labels or {}))


def check_voxels(shape: tuple[int, ...]) -> None:
    """Raises ``volume_too_large``."""
    if int(np.prod(shape, dtype=np.int64)) > MAX_VOXELS:
        raise volume_refusal(VolumeCode.TOO_LARGE)


def check_affine(affine: Affine) -> None:
    """Refuse an affine that is none, is sheared, or has absurd voxels.

    Raises
    ------
    InputError
        ``volume_geometry``, ``gantry_tilt`` for axes that are not perpendicular.
    """
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise volume_refusal(VolumeCode.GEOMETRY)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not ((lengths >= MIN_VOXEL_MM) & (lengths <= MAX_VOXEL_MM)).all():
        raise volume_refusal(VolumeCode.GEOMETRY)
    axes = affine[:3, :3] / lengths
    skew = np.abs(axes.T @ axes - np.eye(3)).max()
    if skew > MOST_SKEW:
        raise volume_refusal(VolumeCode.GANTRY_TILT)


MOST_SKEW: Final = 0.01
"""Cosine between axes: 0.6 degrees from perpendicular."""
