"""UIDs that follow from what an object is made of: made twice, it is the same object."""

from __future__ import annotations

import uuid
from typing import Final

_SPACE: Final = uuid.UUID("6f1c3c1e-6d6f-5c0e-9a55-0c2f7d0b8a11")
"""Of this program alone; never change it: every object would get another name."""


def derived_uid(*parts: str) -> str:
    """A UID below 2.25 (PS3.5 B.2) for what :func:`derived_uuid` names."""
    return f"2.25.{derived_uuid(*parts).int}"


def derived_uuid(*parts: str) -> uuid.UUID:
    """A name-based UUID (RFC 9562, version 5).

    Parameters
    ----------
    parts
        What tells the thing from all others; none may hold a line feed.
    """
    return uuid.uuid5(_SPACE, "\n".join(parts))
