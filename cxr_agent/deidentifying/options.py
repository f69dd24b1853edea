"""What may be kept beyond the basic profile."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Dates(StrEnum):
    """What becomes of dates."""

    REMOVED = "removed"
    SHIFTED = "shifted"
    """By so many days as are the patient's own, so that intervals stay (the standard's Retain
    Longitudinal Temporal Information with Modified Dates Option)."""


@dataclass(frozen=True, slots=True)
class Options:
    """How copies are made."""

    dates: Dates = Dates.REMOVED
    keep_patient_characteristics: bool = False
    """Age, sex, size and weight stay (Retain Patient Characteristics Option)."""
    mask_text: bool = True
    """Writing in the pixels is painted black (Clean Pixel Data Option)."""
