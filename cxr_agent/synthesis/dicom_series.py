"""A folder of CT slices to a volume.

Slices are sorted by where they lie, never by their names or numbers. What would make a wrong
geometry is refused: two series, a slice twice, a missing one, uneven gaps, a tilted gantry.

References
----------
DICOM PS3.3 C.7.6.2 (Image Plane), C.8.2.1 (CT Image), C.11.1 (Modality LUT).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import CxrAgentError, InputError
from cxr_agent.given_files import read_given
from cxr_agent.imaging.dicom_file import read_dicom_file
from cxr_agent.imaging.dicom_pixels import PixelLayout, stored_pixels
from cxr_agent.imaging.dicom_recipe import stored_values
from cxr_agent.synthesis.refusal import VolumeCode, library_missing, volume_refusal
from cxr_agent.synthesis.volume import (
    AIR_HU,
    MAX_HU,
    MIN_HU,
    Affine,
    HounsfieldVolume,
    Volume,
    check_affine,
    check_voxels,
    checked_volume,
)

if TYPE_CHECKING:
    from pydicom import Dataset

_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_CT: Final = "1.2.840.10008.5.1.4.1.1.2"
MAX_SLICES: Final = 3000
_MAX_FILES: Final = 10_000
_MAX_FILE_BYTES: Final = 32 << 20
_SAME_MM: Final = 0.02
_UNEVEN: Final = 0.05
"""Of the usual gap: 5 % of 1 mm are 0.05 mm, what rounding in a header makes at most."""
_MISSING: Final = 1.5
"""Times the usual gap."""
_SAME_DIRECTION: Final = 1e-3


def read_series(folder: Path) -> Volume:
    """The volume of the one CT series in a folder and the folders below it.

    What is no DICOM file, no CT image, or a localiser is passed over.

    Raises
    ------
    UsageError
        ``pydicom_missing``.
    InputError
        With a :class:`~cxr_agent.synthesis.refusal.VolumeCode`.
    """
    try:
        import pydicom  # noqa: F401
    except ModuleNotFoundError:
        raise library_missing("pydicom", "dicom") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on values that are not used
            return _volume(_headers(folder))
    except CxrAgentError:
        raise
    except Exception:  # pydicom and its codecs raise whatever a damaged file makes of them
        raise volume_refusal(VolumeCode.UNREADABLE) from None


def _headers(folder: Path) -> list[tuple[Path, Dataset]]:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    slices: list[tuple[Path, Dataset]] = []
    others = 0
    for number, path in enumerate(sorted(folder.rglob("*"))):
        if number >= _MAX_FILES:
            raise volume_refusal(VolumeCode.TOO_LARGE)
        if not path.is_file() or path.stat().st_size > _MAX_FILE_BYTES:
            continue
        try:
            if read_file_meta_info(path).get("TransferSyntaxUID") == _DEFLATED:
                raise volume_refusal(VolumeCode.UNREADABLE)  # pydicom inflates without a bound
            header = dcmread(path, stop_before_pixels=True)
        except InvalidDicomError:
            continue
        if str(header.get("SOPClassUID", "")) != _CT or header.get("Modality", "CT") != "CT":
            others += "Rows" in header
        elif "LOCALIZER" not in header.get("ImageType", []):
            slices.append((path, header))
    if not slices:
        raise volume_refusal(VolumeCode.NOT_CT if others else VolumeCode.NO_SLICES)
    if len(slices) > MAX_SLICES:
        raise volume_refusal(VolumeCode.TOO_LARGE)
    return slices


def _volume(slices: list[tuple[Path, Dataset]]) -> Volume:
    headers = [header for _, header in slices]
    if len({str(header.get("SeriesInstanceUID", "")) for header in headers}) > 1:
        raise volume_refusal(VolumeCode.MIXED_SERIES)
    across, down, spacing = _plane(headers)
    if len(slices) < 2:
        raise volume_refusal(VolumeCode.TOO_SMALL)
    rows, columns = int(headers[0].Rows), int(headers[0].Columns)
    check_voxels((columns, rows, len(slices)))
    normal = np.cross(across, down)
    places = np.array([_triple(header, "ImagePositionPatient") for header in headers])
    order = np.argsort(places @ normal, kind="stable")
    _check_gaps(np.diff((places @ normal)[order]))
    first, last = places[order[0]], places[order[-1]]
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = across * spacing[1], down * spacing[0]
    affine[:3, 2] = (last - first) / (len(slices) - 1)
    affine[:3, 3] = first
    check_affine(affine)
    _check_straight(places[order], affine)
    values = np.empty((columns, rows, len(slices)), dtype=np.int16)
    for place, number in enumerate(order):
        values[:, :, place] = _hounsfield(slices[number][0], (rows, columns)).T
    return checked_volume(values, affine)


def _plane(headers: Sequence[Dataset]) -> tuple[Affine, Affine, Affine]:
    """Directions of rows and columns, and the pixel spacing, that all slices share."""
    first = headers[0]
    cosines = np.array([float(v) for v in first.get("ImageOrientationPatient") or ()])
    spacing = np.array([float(v) for v in first.get("PixelSpacing") or ()])
    if cosines.shape != (6,) or spacing.shape != (2,) or not (spacing > 0).all():
        raise volume_refusal(VolumeCode.GEOMETRY)
    across, down = cosines[:3], cosines[3:]
    lengths = np.array([np.linalg.norm(across), np.linalg.norm(down)])
    if np.abs(lengths - 1).max() > _SAME_DIRECTION or abs(across @ down) > _SAME_DIRECTION:
        raise volume_refusal(VolumeCode.GEOMETRY)
    for header in headers[1:]:
        same = (header.get("Rows"), header.get("Columns")) == (first.Rows, first.Columns)
        turned = [float(v) for v in header.get("ImageOrientationPatient") or ()]
        scaled = [float(v) for v in header.get("PixelSpacing") or ()]
        if not same or len(turned) != 6 or len(scaled) != 2:
            raise volume_refusal(VolumeCode.MIXED_SERIES)
        apart = np.abs(np.subtract(turned, cosines)).max(), np.abs(scaled / spacing - 1).max()
        if max(apart) > _SAME_DIRECTION:
            raise volume_refusal(VolumeCode.MIXED_SERIES)
    return across, down, spacing


def _triple(header: Dataset, keyword: str) -> Affine:
    numbers = np.array([float(v) for v in header.get(keyword) or ()])
    if numbers.shape != (3,) or not np.isfinite(numbers).all():
        raise volume_refusal(VolumeCode.GEOMETRY)
    return numbers


def _check_gaps(gaps: NDArray[np.float64]) -> None:
    usual = float(np.median(gaps))
    if gaps.min() < _SAME_MM:
        raise volume_refusal(VolumeCode.DUPLICATE_SLICE)
    if gaps.max() > _MISSING * usual:
        raise volume_refusal(VolumeCode.MISSING_SLICE)
    if np.abs(gaps - usual).max() > max(_UNEVEN * usual, _SAME_MM):
        raise volume_refusal(VolumeCode.UNEVEN_SPACING)


def _check_straight(places: NDArray[np.float64], affine: Affine) -> None:
    """Slices one behind the other lie on a line."""
    expected = affine[:3, 3] + np.arange(len(places))[:, None] * affine[:3, 2]
    off = float(np.abs(places - expected).max())
    if off > 0.5 * float(np.linalg.norm(affine[:3, 2])):
        raise volume_refusal(VolumeCode.GEOMETRY)


def _stored(path: Path, header: Dataset) -> NDArray[np.float64]:
    """The stored values, by the reader that looks at what a stream claims before it is decoded."""
    allocated = int(header.BitsAllocated)
    if allocated not in (8, 16) or int(header.get("SamplesPerPixel", 1)) != 1:
        raise volume_refusal(VolumeCode.UNREADABLE)
    layout = PixelLayout(
        rows=int(header.Rows),
        columns=int(header.Columns),
        bytes_per_pixel=allocated // 8,
        bits=int(header.BitsStored),
        signed=bool(header.PixelRepresentation),
        monochrome1=False,
    )
    if not 1 <= layout.bits <= allocated:
        raise volume_refusal(VolumeCode.UNREADABLE)
    try:
        file = read_dicom_file(read_given(path, _MAX_FILE_BYTES))
        return stored_values(layout)[stored_pixels(file, layout).indices]
    except InputError:
        raise volume_refusal(VolumeCode.UNREADABLE) from None


def _hounsfield(path: Path, shape: tuple[int, int]) -> HounsfieldVolume:
    from pydicom import dcmread

    header = dcmread(path, stop_before_pixels=True)
    stored = _stored(path, header)
    if stored.shape != shape:
        raise volume_refusal(VolumeCode.UNREADABLE)
    slope, intercept = header.get("RescaleSlope"), header.get("RescaleIntercept")
    if slope is None or intercept is None or not float(slope) > 0:
        raise volume_refusal(VolumeCode.NOT_HOUNSFIELD)
    values = stored.astype(np.float32) * float(slope) + float(intercept)
    padding = header.get("PixelPaddingValue")
    if padding is not None:
        values[stored == padding] = AIR_HU
    hu: HounsfieldVolume = np.rint(np.clip(values, MIN_HU, MAX_HU)).astype(np.int16)
    return hu
