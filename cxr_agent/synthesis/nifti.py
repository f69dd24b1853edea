"""NIfTI volumes and masks. Their coordinates are RAS: x and y are turned round to make LPS.

References
----------
NIfTI-1 (nifti1.h): sform and qform, xyzt_units.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import CxrAgentError
from cxr_agent.synthesis.refusal import VolumeCode, library_missing, volume_refusal
from cxr_agent.synthesis.volume import (
    MAX_VOXELS,
    Affine,
    Volume,
    check_affine,
    check_voxels,
    checked_volume,
)

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

_MOST_BYTES: Final = 2 * MAX_VOXELS
_MOST_OFFSET: Final = 64 << 20
"""Of the first value: where the file is gzipped, all before it has to be inflated."""
_INT16: Final = (-32768, 32767)
_ENDINGS: Final = (".nii", ".nii.gz")
_RAS_TO_LPS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])
_TO_MM: Final = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 0.001}


def is_nifti(path: Path) -> bool:
    """Whether the name is that of a NIfTI file."""
    return path.name.lower().endswith(_ENDINGS)


def nifti_stem(path: Path) -> str:
    """The name without its ending."""
    name = path.name
    for ending in reversed(_ENDINGS):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return path.stem


def read_nifti_volume(path: Path) -> Volume:
    """A CT out of a NIfTI file.

    Raises
    ------
    UsageError
        ``nibabel_missing``.
    InputError
        With a :class:`~cxr_agent.synthesis.refusal.VolumeCode`.
    """
    values, affine = read_nifti(path)
    return checked_volume(values, affine)


def read_nifti(path: Path) -> tuple[NDArray[Any], Affine]:
    """(i, j, k) values and the affine to LPS in mm; raises as :func:`read_nifti_volume`."""
    try:
        import nibabel
        from nibabel.nifti1 import Nifti1Image
    except ModuleNotFoundError:
        raise library_missing("nibabel", "nifti") from None
    if not path.is_file():
        raise volume_refusal(VolumeCode.NOT_FOUND)
    try:
        picture = nibabel.load(path)
        if not isinstance(picture, Nifti1Image):
            raise volume_refusal(VolumeCode.UNREADABLE)
        affine = _affine(picture)
        values = _values(picture)
    except CxrAgentError:
        raise
    except Exception:  # nibabel raises whatever a damaged file makes of it
        raise volume_refusal(VolumeCode.UNREADABLE) from None
    if values.dtype.kind not in "iufb":
        raise volume_refusal(VolumeCode.UNREADABLE)
    return values.reshape(values.shape[:3]), affine


def _values(picture: Nifti1Image) -> NDArray[Any]:
    """The values; what a slope and intercept make of them as int16, a slice at a time.

    nibabel makes eight bytes of each scaled value.
    """
    stored = picture.dataobj
    values = np.asanyarray(stored.get_unscaled())  # type: ignore[attr-defined]
    slope, intercept = float(stored.slope), float(stored.inter)  # type: ignore[attr-defined]
    if (slope, intercept) == (1.0, 0.0):
        return values  # type: ignore[no-any-return]
    scaled = np.empty(values.shape, dtype=np.int16)
    for place in range(values.shape[2]):
        part = values[:, :, place] * np.float64(slope) + intercept
        if not np.isfinite(part).all():
            raise volume_refusal(VolumeCode.NOT_HOUNSFIELD)
        scaled[:, :, place] = np.rint(np.clip(part, *_INT16))
    return scaled


def _affine(picture: Nifti1Image) -> Affine:
    """The affine, after the header's numbers were found sane: nothing is inflated before."""
    shape = tuple(int(n) for n in picture.shape)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]):
        raise volume_refusal(VolumeCode.UNREADABLE)
    check_voxels(shape[:3])
    header = picture.header
    kind = header.get_data_dtype()  # type: ignore[no-untyped-call]
    if kind.itemsize * int(np.prod(shape)) > _MOST_BYTES:
        raise volume_refusal(VolumeCode.TOO_LARGE)
    if not 0 <= float(header["vox_offset"]) <= _MOST_OFFSET:
        raise volume_refusal(VolumeCode.UNREADABLE)
    if not (int(header["sform_code"]) or int(header["qform_code"])):
        raise volume_refusal(VolumeCode.GEOMETRY)
    affine = _RAS_TO_LPS @ np.asarray(picture.affine, dtype=np.float64)
    units = header.get_xyzt_units()  # type: ignore[no-untyped-call]
    affine[:3] *= _TO_MM.get(str(units[0]), 1.0)
    check_affine(affine)
    return affine
