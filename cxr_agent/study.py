"""What a reading looks at: images behind opaque handles, with nothing left of who or when.

A :class:`Study` is made by :mod:`cxr_agent.imaging` and is all that the rest of the program
ever sees of the files: no path, no UID, no name, no date. Dates became intervals in days.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]


class View(StrEnum):
    """Projection of the film: DICOM View Position (0018,5101)."""

    PA = "PA"
    """Postero-anterior."""
    AP = "AP"
    """Antero-posterior, often portable or supine; magnifies the heart."""
    LATERAL = "LATERAL"
    UNKNOWN = "UNKNOWN"
    """Neither the header nor a rule tells; usual for PNG and JPEG."""


class SpacingKind(StrEnum):
    """How far a pixel spacing may be trusted (DICOM PS3.3 10.7.1.3)."""

    CALIBRATED = "calibrated"
    """Pixel Spacing (0028,0030) corrected to the patient, or imager spacing over a stated
    magnification factor (0018,1114): millimetres in the patient."""
    DETECTOR = "detector"
    """Imager Pixel Spacing (0018,1164), or a Pixel Spacing equal to it: millimetres at the
    detector plane, magnified with respect to the patient."""


@dataclass(frozen=True, slots=True)
class PixelSpacing:
    """Distance between pixel centres in mm, row spacing (vertical) first as in DICOM."""

    row_mm: float
    column_mm: float
    kind: SpacingKind


class Notice(StrEnum):
    """What was unusual about an accepted image, and was dealt with or must be said."""

    SUSPICIOUS_PREAMBLE = "suspicious_preamble"
    TRAILING_DATA = "trailing_data"
    OVERLAY_BITS = "overlay_bits"
    HEADER_REPAIRED = "header_repaired"
    BAD_WINDOW = "bad_window"
    BAD_PIXEL_SPACING = "bad_pixel_spacing"
    BAD_DATE = "bad_date"
    BAD_UID = "bad_uid"
    BAD_CHARSET = "bad_charset"
    AP_PROJECTION = "ap_projection"
    ORIENTATION = "orientation"
    EXIF_ORIENTATION = "exif_orientation"
    INVERTED = "inverted"
    """Stored with low values white (MONOCHROME1 or Presentation LUT Shape INVERSE)."""
    BURNED_IN_TEXT = "burned_in_text"
    """Burned In Annotation (0028,0301) is YES."""
    SYNTHETIC = "synthetic"
    """Made by a program, by a mark in the file: it tells nothing of any patient."""


class AgeGroup(StrEnum):
    """All that is kept of a patient's age."""

    ADULT = "adult"
    PAEDIATRIC = "paediatric"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One film, presentation-ready.

    ``pixels`` is (rows, columns) float32 in [0, 1], bone white, air black, after modality
    LUT, VOI LUT and inversion, patient's right on the left side of the picture where the
    header says how it was stored. ``sha256`` is over these pixels and their shape.
    """

    handle: str
    """``img-1``, ``img-2`` ... or ``prior-1`` ...: all that a planner sees of an image."""
    pixels: FloatImage
    sha256: str
    view: View
    view_source: str
    """``header``, or ``none``."""
    age_group: AgeGroup = AgeGroup.UNKNOWN
    spacing: PixelSpacing | None = None
    notices: tuple[Notice, ...] = ()
    patient_key: str = ""
    """Whose film it is in the words of the store of films that it is held against: a hash keyed by
    that store. Empty without a store, or where the file names no patient."""
    days_before: int | None = None
    """For a prior: whole days before the current film, when both dates are known."""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        rows, columns = self.pixels.shape
        return rows, columns

    @property
    def is_prior(self) -> bool:
        return self.handle.startswith("prior-")

    @property
    def synthetic(self) -> bool:
        """Whether the file says that a program made it: never evidence about a patient."""
        return Notice.SYNTHETIC in self.notices


@dataclass(frozen=True, slots=True)
class Study:
    """Current images, priors and the question asked. ``indication`` is data, never an order."""

    images: tuple[Image, ...]
    priors: tuple[Image, ...] = ()
    indication: str = ""
    priors_searched: bool = False
    """Whether priors were looked for, beyond those that were named."""
    unread_views: tuple[str, ...] = ()
    """Why further films of the study are not among its images: ``lateral_view``, ``rotated_film``.
    They belong to the examination, and no tool reads them."""
    _by_handle: dict[str, Image] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        everything = (*self.images, *self.priors)
        object.__setattr__(self, "_by_handle", {image.handle: image for image in everything})

    def image(self, handle: str) -> Image:
        """The image behind ``handle``; raises :class:`KeyError` for an unknown one."""
        return self._by_handle[handle]

    @property
    def synthetic(self) -> bool:
        """Whether its films are synthetic; they are all, or none is."""
        return any(image.synthetic for image in self.images)

    @property
    def handles(self) -> tuple[str, ...]:
        return tuple(self._by_handle)
