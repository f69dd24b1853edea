"""A film as its file stores it, before anything is made of it for the eye."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_agent.imaging.dicom_pixels import PixelLayout
from cxr_agent.imaging.dicom_values import Header
from cxr_agent.imaging.presentation import Indices
from cxr_agent.imaging.sniff import FileKind


@dataclass(frozen=True, slots=True, eq=False)
class StoredFilm:
    """What was read."""

    kind: FileKind
    data: bytes
    """The whole file."""
    indices: Indices
    """(rows, columns): the stored bits of each pixel, read as unsigned."""
    layout: PixelLayout | None = None
    """Of a DICOM file."""
    header: Header | None = None
