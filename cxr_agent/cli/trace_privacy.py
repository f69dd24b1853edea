"""What of a run may be passed on, by privacy mode: the masks that the trace itself knows not of."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cxr_agent.errors import UsageError

if TYPE_CHECKING:
    from cxr_agent.trace.redact import Keeping

MASKED: Final = "[masked]"
NOT_KEPT: Final = "[not kept]"
_DECIMAL: Final = re.compile(r"\d{1,3}\.\d{1,6}")


def keeping_of(privacy: str) -> Keeping | None:
    """What goes under ``--privacy``; None under ``full``, where all does.

    Raises
    ------
    UsageError
        ``bad_privacy``.
    """
    from cxr_agent.language import masked
    from cxr_agent.planning.privacy import Privacy
    from cxr_agent.trace.redact import Keeping

    def stated(text: str) -> str:
        return masked(text, _Own()).text

    try:
        mode = Privacy(privacy)
    except ValueError:
        raise UsageError("bad_privacy", "the privacy is full, masked or none") from None
    match mode:
        case Privacy.FULL:
            return None
        case Privacy.MASKED:
            return Keeping(MASKED, lambda text: masked(text).text, stated, _without_writing)
        case Privacy.NONE:
            return Keeping(NOT_KEPT, lambda _: NOT_KEPT, stated, None)


class _Own:
    """Words that the program's own sentences are made of, and its numbers."""

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and bool(_DECIMAL.fullmatch(word) or word in _own_words())


@lru_cache(maxsize=1)
def _own_words() -> frozenset[str]:
    from cxr_agent.evidence import Location
    from cxr_agent.knowledge import languages, load

    files = [f"wording/{code}/{name}" for code in languages() for name in _WORDING]
    files += ["thresholds", "measurements", "vocabulary"]
    return frozenset(
        word
        for text in (*Location, *(text for name in files for text in _texts(load(name))))
        for piece in re.sub(r"\{[^}]*\}", " ", text).split()
        if (word := piece.strip("\"'()[]{}<>,;:.!?-–—"))
    )


_WORDING: Final = ("language", "reasons", "sentences")


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)


def _without_writing(png: bytes) -> bytes:
    """A picture of a film with what looks like writing painted over; ValueError for no picture."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    from cxr_agent.imaging.burned_in import without_text

    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as file:
            picture = file.convert("RGB" if file.mode not in {"1", "L"} else "L")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        raise ValueError("no picture") from None
    pixels = np.asarray(picture)
    grey = np.asarray(picture.convert("L")).astype(np.float32) / np.float32(255)
    clean, painted = without_text(grey)
    plain = np.rint(clean * 255).astype(np.uint8)
    if pixels.ndim == 3:
        colours = np.asarray(picture.resize(plain.shape[::-1], Image.Resampling.BOX))
        plain = np.where(painted[..., None], plain[..., None], colours)
    buffer = io.BytesIO()
    Image.fromarray(plain).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
