"""One sentence and one next step for every reason to refuse a volume or its labels.

As in :mod:`cxr_agent.imaging.refusal` the texts are constants: nothing out of a file reaches them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from cxr_agent.errors import InputError, UsageError


class VolumeCode(StrEnum):
    """Why a volume or its labels are refused."""

    NOT_FOUND = "volume_not_found"
    UNREADABLE = "volume_unreadable"
    NO_SLICES = "no_ct_slices"
    NOT_CT = "not_ct"
    MIXED_SERIES = "mixed_series"
    DUPLICATE_SLICE = "duplicate_slice"
    MISSING_SLICE = "missing_slice"
    UNEVEN_SPACING = "uneven_spacing"
    GANTRY_TILT = "gantry_tilt"
    GEOMETRY = "volume_geometry"
    NOT_HOUNSFIELD = "not_hounsfield"
    TOO_SMALL = "volume_too_small"
    TOO_LARGE = "volume_too_large"
    LABEL_GRID = "label_grid"
    LABEL_NAMES = "label_names"
    NO_LABELS = "no_labels"


_RESAMPLE: Final = "Resample the series to an even, upright grid, as NIfTI, and give that."
_ONE_SERIES: Final = "Give a folder with one CT series and nothing else."

_TEXTS: Final[dict[VolumeCode, tuple[str, str]]] = {
    VolumeCode.NOT_FOUND: ("there is no such CT", "Check the path."),
    VolumeCode.UNREADABLE: (
        "the CT cannot be read",
        "Give a folder of DICOM files, or a .nii or .nii.gz file.",
    ),
    VolumeCode.NO_SLICES: ("the folder holds no CT slices", _ONE_SERIES),
    VolumeCode.NOT_CT: ("the headers say that this is not a CT", _ONE_SERIES),
    VolumeCode.MIXED_SERIES: ("the folder holds slices of more than one series", _ONE_SERIES),
    VolumeCode.DUPLICATE_SLICE: ("two slices lie at the same place", _ONE_SERIES),
    VolumeCode.MISSING_SLICE: (
        "the gaps between the slices say that some are missing",
        "Export the series again, whole.",
    ),
    VolumeCode.UNEVEN_SPACING: ("the slices are not evenly spaced", _RESAMPLE),
    VolumeCode.GANTRY_TILT: ("the slices are sheared: the gantry was tilted", _RESAMPLE),
    VolumeCode.GEOMETRY: (
        "position, orientation or spacing of the volume is missing or makes no sense",
        "Export the series again from the archive or the modality.",
    ),
    VolumeCode.NOT_HOUNSFIELD: (
        "the values are no Hounsfield units of a body in air",
        "Give a CT in Hounsfield units, not a mask, a magnetic resonance or 8-bit greys.",
    ),
    VolumeCode.TOO_SMALL: ("the volume has too few voxels", "Give a whole chest CT."),
    VolumeCode.TOO_LARGE: (
        "the volume is larger than any chest CT",
        "Give at most 320 million voxels, in at most 3,000 slices.",
    ),
    VolumeCode.LABEL_GRID: (
        "the labels lie on another grid than the CT",
        "Resample them to the grid of the CT, by nearest neighbour.",
    ),
    VolumeCode.LABEL_NAMES: (
        "a label has no name, or the names cannot be read",
        'Give a JSON object as {"1": "heart", "2": "lung_left"}.',
    ),
    VolumeCode.NO_LABELS: ("the labels are empty", "Give labels of this CT."),
}


def volume_refusal(code: VolumeCode) -> InputError:
    """The exception for ``code``, ready to be raised."""
    message, hint = _TEXTS[code]
    return InputError(code, message, hint=hint)


def library_missing(library: str, extra: str) -> UsageError:
    """That an optional library is not installed."""
    return UsageError(
        f"{library}_missing",
        f"{library} is not installed",
        hint=f"pip install 'cxr-agent[{extra}]'",
    )
