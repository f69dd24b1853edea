"""Outlines that a user gives as files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import numpy as np

from cxr_agent.errors import InputError
from cxr_agent.given_files import MIB, read_given
from cxr_agent.imaging.limits import MAX_PIXELS
from cxr_agent.toolbox.contract import BoolMask

_INSIDE: Final = 127
_MOST_BYTES: Final = 64 * MIB


def read_mask(path: Path) -> BoolMask:
    """A mask as a PNG: white is what is outlined.

    No other format is looked at: Pillow knows dozens, and each decoder is one more that a file
    from elsewhere could turn against this process.

    Raises
    ------
    InputError
        ``bad_mask``.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(read_given(path, _MOST_BYTES)), formats=("PNG",)) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError("larger than any film")
            return np.asarray(picture.convert("L")) > _INSIDE
    except Exception:  # Pillow raises some twenty kinds, from OSError to struct.error
        raise InputError(
            "bad_mask", f"the mask {path.stem[:40]!r} cannot be read", hint="Give a PNG."
        ) from None
