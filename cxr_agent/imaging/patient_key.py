"""By what an archive knows a patient. Read only to ask the server that the user named.

Everything else takes the fingerprints of :class:`~cxr_agent.imaging.film.DecodedFilm`.

References
----------
DICOM PS3.3 C.7.1.1 (Patient ID, Issuer of Patient ID); PS3.4 C.2.2.2.4 (wildcards).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_ASKABLE: Final = re.compile(r"[^\x00-\x1f\x7f\\*?\ufffd]{1,64}")
"""A wildcard would match other patients, and a byte that was not understood matches none."""


@dataclass(frozen=True, slots=True)
class PatientKey:
    """Patient ID (0010,0020) and its issuer (0010,0021); empty where there is none to ask by.

    Raises
    ------
    ValueError
        For a text that :func:`is_askable` does not let through.
    """

    patient_id: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for text in (self.patient_id, self.issuer):
            if text and not is_askable(text):
                raise ValueError("not a text to ask by")


def is_askable(text: str) -> bool:
    """Whether a text asks for itself alone."""
    return bool(_ASKABLE.fullmatch(text))
