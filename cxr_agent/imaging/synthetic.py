"""The marks by which a film says that nobody was ever in front of it.

One mark is enough: a film that may be made up is never taken for a patient's.

References
----------
DICOM PS3.3 C.12.1 (Synthetic Data (0008,001C), since 2023), C.7.6.1.1.2 (Image Type), C.7.6.1.1.3
(Derivation Description), C.8.13.2.1.1 (Content Qualification); C.8.8.1 gives Image Type the value
DRR for a digitally reconstructed radiograph. PNG 11.3.3 (tEXt, zTXt, iTXt).
"""

from __future__ import annotations

from typing import Final

from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.dicom_values import Header

PNG_KEYWORD: Final = "Synthetic"
"""Of a text chunk; whatever stands in it, its presence is the mark."""
IMAGE_TYPES: Final = frozenset({"DRR", "SYNTHETIC"})
_WORDS: Final = frozenset({"SYNTHETIC", "DRR"})
_TEXTS: Final = frozenset({b"tEXt", b"zTXt", b"iTXt"})


def is_marked_header(header: Header) -> bool:
    """Whether a DICOM header says that the image is synthetic."""
    if header.text(Tag.SYNTHETIC_DATA).upper() == "YES":
        return True
    if IMAGE_TYPES & {value.upper() for value in header.texts(Tag.IMAGE_TYPE)}:
        return True
    return bool(_WORDS.intersection(header.words(Tag.DERIVATION_DESCRIPTION)))


def is_mark_chunk(kind: bytes, body: bytes) -> bool:
    """Whether a chunk of a PNG file says so."""
    keyword = body.partition(b"\0")[0]
    return kind in _TEXTS and keyword.strip().lower() == PNG_KEYWORD.lower().encode("ascii")
