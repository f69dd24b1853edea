"""The one thing that is read from EXIF: how the picture is to be turned.

References
----------
CIPA DC-008 (Exif 2.32) 4.6.4 A, tag Orientation (0x0112); TIFF 6.0 section 2.
"""

from __future__ import annotations

from typing import Final

from cxr_agent.imaging.header_rules import Flip

_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_ENTRY_BYTES: Final = 12
_FLIPS: Final = {
    1: Flip.NONE,
    2: Flip.MIRROR,
    3: Flip.HALF_TURN,
    4: Flip.UPSIDE_DOWN,
    5: Flip.TRANSPOSE,
    6: Flip.QUARTER_RIGHT,
    7: Flip.ANTI_TRANSPOSE,
    8: Flip.QUARTER_LEFT,
}


def exif_flip(tiff: bytes) -> Flip:
    """The turn that an EXIF block asks for.

    Parameters
    ----------
    tiff
        The block from its TIFF header on, without the ``Exif`` identifier.

    Returns
    -------
    Flip
        ``NONE`` also for a block that is damaged or says nothing: it is only a remark about the
        picture, and every viewer shows such a picture as it is stored.
    """
    if tiff[:4] == b"II*\0":
        little = True
    elif tiff[:4] == b"MM\0*":
        little = False
    else:
        return Flip.NONE

    def number(position: int, size: int) -> int:
        return int.from_bytes(tiff[position : position + size], "little" if little else "big")

    directory = number(4, 4)
    count = number(directory, 2)
    for index in range(count):
        entry = directory + 2 + index * _ENTRY_BYTES
        if entry + _ENTRY_BYTES > len(tiff):
            break
        if number(entry, 2) == _ORIENTATION and number(entry + 2, 2) == _SHORT:
            return _FLIPS.get(number(entry + 8, 2), Flip.NONE)
    return Flip.NONE
