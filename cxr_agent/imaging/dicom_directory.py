"""The images that a DICOM directory lists, by its image records alone.

The offsets that tie the records to one another are not followed: each file says itself whose and
of which study it is, and an offset can lead in a circle.

References
----------
DICOM PS3.3 annex F.3 (directory records), F.5 (image record); PS3.10 8.5 (file ids).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from cxr_agent.errors import InputCode, UnsuitableCode
from cxr_agent.imaging.dicom_file import read_dicom_file
from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.dicom_values import Header
from cxr_agent.imaging.header_rules import may_be_radiograph
from cxr_agent.imaging.refusal import refusal


@dataclass(frozen=True, slots=True)
class DirectoryFile:
    """One file that is listed.

    Raises
    ------
    ValueError
        For steps that could lead out of the directory's folder, or a strange code.
    """

    parts: tuple[str, ...]
    """Steps of its path from the folder of the directory; none where the record names no file
    that could lie there."""
    passed: str = ""
    """Why it is no chest film, as far as the directory tells; else empty."""

    def __post_init__(self) -> None:
        if self.passed not in ("", UnsuitableCode.UNSUPPORTED_MODALITY):
            raise ValueError("not a code")
        if not all(isinstance(part, str) and _is_step(part) for part in self.parts):
            raise ValueError("not a path")


def directory_files(data: bytes) -> tuple[DirectoryFile, ...]:
    """The image records of a DICOMDIR, in their order.

    Raises
    ------
    InputError
        ``not_an_image`` for a file that is no directory, and what
        :func:`~cxr_agent.imaging.dicom_file.read_dicom_file` raises.
    """
    header = read_dicom_file(data, directory=True, stop_after=Tag.DIRECTORY_RECORD_SEQUENCE).header
    if not header.has(Tag.DIRECTORY_RECORD_SEQUENCE):
        raise refusal(InputCode.NOT_AN_IMAGE)
    return tuple(
        _file(record)
        for record in header.items(Tag.DIRECTORY_RECORD_SEQUENCE)
        if record.text(Tag.DIRECTORY_RECORD_TYPE).upper() == "IMAGE"
    )


def _file(record: Header) -> DirectoryFile:
    sop_class = record.text(Tag.REFERENCED_SOP_CLASS_UID_IN_FILE)
    steps = tuple(record.texts(Tag.REFERENCED_FILE_ID))
    passed = "" if may_be_radiograph(sop_class) else UnsuitableCode.UNSUPPORTED_MODALITY
    return DirectoryFile(steps if all(map(_is_step, steps)) else (), str(passed))


def _is_step(text: str) -> bool:
    """Whether a text goes one folder down, and nowhere else."""
    plain = not any(unicodedata.category(c) in ("Cc", "Cs") or c in "/\\:" for c in text)
    return 0 < len(text) <= 255 and plain and text.strip(". ") != ""
