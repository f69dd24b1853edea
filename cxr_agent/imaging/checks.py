"""Bounds on the size of a picture, checked on claims before anything is allocated."""

from __future__ import annotations

from cxr_agent.errors import InputCode
from cxr_agent.imaging.limits import MAX_PIXELS, MAX_SIDE_PX, MIN_SIDE_PX
from cxr_agent.imaging.refusal import refusal


def check_size(rows: int, columns: int) -> None:
    """Refuse what cannot be a film by its size.

    Raises
    ------
    InputError
        ``corrupt_header`` for an empty picture, ``too_large``, ``too_small``.
    """
    if rows <= 0 or columns <= 0:
        raise refusal(InputCode.CORRUPT_HEADER)
    if max(rows, columns) > MAX_SIDE_PX or rows * columns > MAX_PIXELS:
        raise refusal(InputCode.TOO_LARGE)
    if min(rows, columns) < MIN_SIDE_PX:
        raise refusal(InputCode.TOO_SMALL)
