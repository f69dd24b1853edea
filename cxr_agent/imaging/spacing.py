"""How large a pixel is, and in which plane.

References
----------
DICOM PS3.3 10.7.1.3 (Pixel Spacing and calibration), C.8.7.2 and C.8.11.4 (Imager Pixel
Spacing), C.8.7.10 (Estimated Radiographic Magnification Factor).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.dicom_values import Header
from cxr_agent.study import Notice, PixelSpacing, SpacingKind

_MIN_MM: Final = 0.02
_MAX_MM: Final = 10.0
_MAX_ANISOTROPY: Final = 1.5
_MAX_FIELD_MM: Final = 2000.0
_MAX_MAGNIFICATION: Final = 2.0
_SAME: Final = 1e-4
_CALIBRATED_BY: Final = frozenset({"GEOMETRY", "FIDUCIAL"})


@dataclass(frozen=True, slots=True)
class SpacingFacts:
    """The spacing to be used, if any, and what was wrong with what the header says."""

    spacing: PixelSpacing | None
    notices: frozenset[Notice]


def spacing_facts(header: Header, shape: tuple[int, int]) -> SpacingFacts:
    """Choose between the spacings in a header; row spacing comes first, as in DICOM.

    * Pixel Spacing (0028,0030) that differs from Imager Pixel Spacing, or has a calibration
      type, lies in the patient: calibrated.
    * Imager Pixel Spacing (0018,1164) over a stated magnification factor (0018,1114) lies in
      the patient: calibrated.
    * Otherwise the detector plane: Imager Pixel Spacing, a Pixel Spacing that only repeats it
      or stands alone, or the spacing on the scanned film (0018,2010).

    Parameters
    ----------
    shape
        Rows and columns as stored, for a check of the field of view.
    """
    faults: list[Tag] = []

    def pair(tag: Tag) -> tuple[float, float] | None:
        if not header.filled(tag):
            return None
        values = header.decimals(tag)
        if len(values) == 2 and _is_plausible(values[0], values[1], shape):
            return values[0], values[1]
        faults.append(tag)
        return None

    patient = pair(Tag.PIXEL_SPACING)
    imager = pair(Tag.IMAGER_PIXEL_SPACING)
    scanned = pair(Tag.NOMINAL_SCANNED_PIXEL_SPACING)
    factor = 1.0
    if header.filled(Tag.MAGNIFICATION_FACTOR):
        factors = header.decimals(Tag.MAGNIFICATION_FACTOR)
        if len(factors) == 1 and 1.0 <= factors[0] <= _MAX_MAGNIFICATION:
            factor = factors[0]
        else:
            faults.append(Tag.MAGNIFICATION_FACTOR)
    calibrated = header.text(Tag.PIXEL_SPACING_CALIBRATION_TYPE).upper() in _CALIBRATED_BY
    notices = frozenset({Notice.BAD_PIXEL_SPACING} if faults else ())
    spacing: PixelSpacing | None = None
    if patient is not None and (calibrated or (imager is not None and not _same(patient, imager))):
        spacing = PixelSpacing(*patient, SpacingKind.CALIBRATED)
    elif imager is not None and factor > 1.0:
        spacing = PixelSpacing(imager[0] / factor, imager[1] / factor, SpacingKind.CALIBRATED)
    else:
        detector = imager or patient or scanned
        if detector is not None:
            spacing = PixelSpacing(*detector, SpacingKind.DETECTOR)
    return SpacingFacts(spacing, notices)


def _is_plausible(row_mm: float, column_mm: float, shape: tuple[int, int]) -> bool:
    if not all(math.isfinite(mm) and _MIN_MM <= mm <= _MAX_MM for mm in (row_mm, column_mm)):
        return False
    if max(row_mm, column_mm) / min(row_mm, column_mm) >= _MAX_ANISOTROPY:
        return False
    return max(row_mm * shape[0], column_mm * shape[1]) <= _MAX_FIELD_MM


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(math.isclose(a, b, rel_tol=_SAME) for a, b in zip(one, other, strict=True))
