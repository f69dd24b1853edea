"""Writing of many kinds, drawn on a film, with the ink known exactly: to measure who finds it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.study import FloatImage

BoolMask = NDArray[np.bool_]

VISIBLE: Final = 0.06
"""Of full scale: ink that differs less from what is under it can hardly be read."""
TEXTS: Final = (
    "DOE^JANE",
    "John Smith 12345678",
    "AP PORTABLE",
    "12/03/1960",
    "MRN 4471",
    "St. Ann",
)
_FONTS: Final = {
    "Pillow's own": None,
    "DejaVu Sans": "truetype/dejavu/DejaVuSans.ttf",
    "DejaVu Sans Mono": "truetype/dejavu/DejaVuSansMono-Bold.ttf",
    "Liberation Serif": "truetype/liberation/LiberationSerif-Regular.ttf",
}
_FOLDER: Final = Path("/usr/share/fonts")


@dataclass(frozen=True, slots=True)
class Writing:
    """One text as it is drawn."""

    text: str = TEXTS[0]
    font: str = "Pillow's own"
    height: int = 24
    """Of the font, in pixels of the film."""
    style: str = "white"
    """``white``, ``black``, ``grey``, ``white on a black box``, ``black on a white box``."""
    turned: int = 0
    """Degrees counter-clockwise, a multiple of 90."""
    place: str = "body"
    """``body``, or ``collimation``: a black border that is put on the film's left."""
    inverted: bool = False
    """The film is shown with black bones."""
    bits: int = 8
    degraded: str = ""
    """``blurred`` or ``jpeg``."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A film with writing on it: ``pixels`` in [0, 1] and ``ink``, both (rows, columns)."""

    pixels: FloatImage
    ink: BoolMask
    """The pixels of the text that can be seen."""


def fonts() -> tuple[str, ...]:
    """Names of the fonts that are there."""
    return tuple(name for name, path in _FONTS.items() if path is None or (_FOLDER / path).exists())


def kinds() -> Iterator[tuple[str, Writing]]:
    """(class, writing) of every kind, one thing varied at a time, then sizes by style."""
    plain = Writing()
    for font in fonts():
        yield f"font: {font}", replace(plain, font=font)
    for height in (10, 14, 20, 32, 48, 72):
        yield f"height: {height} px", replace(plain, height=height)
    styles = ("white", "black", "grey", "white on a black box", "black on a white box")
    for style, height in product(styles, (14, 28)):
        yield f"style: {style}", replace(plain, style=style, height=height)
    for turned in (90, 180, 270):
        yield f"turned: {turned} degrees", replace(plain, turned=turned)
    for height in (14, 28):
        yield "place: over collimation", replace(plain, place="collimation", height=height)
        yield "film: inverted", replace(plain, inverted=True, height=height)
        yield "film: 16 bits", replace(plain, bits=16, height=height)
        yield "film: blurred", replace(plain, degraded="blurred", height=height)
        yield "film: JPEG, quality 75", replace(plain, degraded="jpeg", height=height)
    for contrast in (0.08, 0.12, 0.2):
        yield f"contrast: {contrast}", replace(plain, style=f"contrast {contrast}")


def draw_writing(film: FloatImage, how: Writing, rng: np.random.Generator) -> Drawn:
    """Draw a text somewhere on a film.

    Parameters
    ----------
    film
        (rows, columns) in [0, 1].
    rng
        Decides where.
    """
    pixels = 1 - film if how.inverted else film.copy()
    if how.place == "collimation":
        pixels[:, : pixels.shape[1] // 4] = 0.0
    ink = _ink(how)
    ink = ink[: pixels.shape[0], : pixels.shape[1]]
    top, left = _where(how, pixels.shape, ink.shape, rng)
    place = np.s_[top : top + ink.shape[0], left : left + ink.shape[1]]
    before = pixels[place].copy()
    level, box = _levels(how, float(before.mean()))
    under = before if box is None else np.full_like(before, box)
    pixels[place] = under * (1 - ink) + level * ink
    pixels = _degraded(pixels, how)
    seen = np.zeros(pixels.shape, dtype=np.bool_)
    seen[place] = (ink > 0.5) & (np.abs(pixels[place] - under) > VISIBLE)
    return Drawn(pixels, seen)


def _ink(how: Writing) -> FloatImage:
    """Strength of the text in [0, 1], with a margin around it."""
    from PIL import Image, ImageDraw, ImageFont

    path = _FONTS[how.font]
    font = (
        ImageFont.load_default(how.height)
        if path is None
        else ImageFont.truetype(_FOLDER / path, how.height)
    )
    right, bottom = (int(edge) + 8 for edge in font.getbbox(how.text)[2:])
    ink = Image.new("L", (right, bottom))
    ImageDraw.Draw(ink).text((4, 4), how.text, fill=255, font=font)
    turned = ink.rotate(how.turned, expand=True)
    return np.asarray(turned, dtype=np.float32) / np.float32(255)


def _where(
    how: Writing, film: tuple[int, ...], ink: tuple[int, ...], rng: np.random.Generator
) -> tuple[int, int]:
    if how.place == "collimation":
        top = int(rng.uniform(0.05, 0.9) * max(0, film[0] - ink[0]))
        return top, min(4, film[1] - ink[1])
    rows, columns = (max(0, film[axis] - ink[axis]) for axis in (0, 1))
    return int(rng.uniform(0.05, 0.95) * rows), int(rng.uniform(0.05, 0.95) * columns)


def _levels(how: Writing, mean: float) -> tuple[float, float | None]:
    """Levels of the ink and of the box below it."""
    if how.style.startswith("contrast"):
        step = float(how.style.split()[1])
        return mean + (step if mean + step <= 1 else -step), None
    match how.style:
        case "black":
            return 0.0, None
        case "grey":
            return (0.75 if mean < 0.5 else 0.25), None
        case "white on a black box":
            return 1.0, 0.0
        case "black on a white box":
            return 0.0, 1.0
        case _:
            return 1.0, None


def _degraded(pixels: FloatImage, how: Writing) -> FloatImage:
    from PIL import Image
    from scipy import ndimage

    if how.degraded == "blurred":
        pixels = np.asarray(ndimage.gaussian_filter(pixels, 0.8), dtype=np.float32)
    levels = np.float32((1 << how.bits) - 1)
    pixels = (np.rint(np.clip(pixels, 0, 1) * levels) / levels).astype(np.float32)
    if how.degraded == "jpeg":
        buffer = io.BytesIO()
        Image.fromarray((pixels * 255).astype(np.uint8)).save(buffer, "JPEG", quality=75)
        blurred = Image.open(buffer, formats=("JPEG",))
        pixels = np.asarray(blurred, dtype=np.float32) / np.float32(255)
    return pixels
