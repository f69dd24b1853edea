"""What tools draw, as files.

Masks are 1-bit PNG and measured lines SVG, both in the film's own pixels; heatmaps are coarser.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import TraceError
from cxr_agent.imaging.eight_bits import Greys, eight_bits
from cxr_agent.study import FloatImage
from cxr_agent.toolbox.contract import BoolMask, Drawing
from cxr_agent.toolbox.png import bit_file, grey_file
from cxr_agent.trace import Trace
from cxr_agent.trace.line import digest

if TYPE_CHECKING:
    from PIL.Image import Image

LINES: Final = "lines"
"""Name of the artifact that holds a tool's measured lines."""
_DISPLAY_SIDE = 1024
HEATMAP_SIDE: Final = 256
"""Longest side of a heatmap as it is kept, in pixels: it is coarse by nature."""


DIFFERENCE: Final = "difference"
"""Name of the picture that shows what a comparison saw."""


def saliency_name(code: str) -> str:
    """Name of the artifact that shows where a finding was seen."""
    return f"saliency_{code}"


def spans_film(shape: tuple[int, int], film_shape: tuple[int, int]) -> bool:
    """Whether a coarser plane can be the whole film: (rows, columns) of both.

    Each side may be off by less than a pixel of the plane, however it was rounded.
    """
    (rows, columns), (film_rows, film_columns) = shape, film_shape
    too_tall = (rows - 1) * film_columns >= (columns + 1) * film_rows
    too_wide = (columns - 1) * film_rows >= (rows + 1) * film_columns
    return not (too_tall or too_wide)


def mask_png(plane: BoolMask) -> bytes:
    """A binary PNG of a mask, at its own size."""
    return bit_file(plane)


def mask_plane(png: bytes) -> BoolMask:
    """The mask that a PNG shows."""
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
        return np.asarray(picture.convert("1"), dtype=np.bool_)


def shows_mask(trace: Trace, sha256: str | None, plane: BoolMask) -> bool:
    """Whether an artifact of a run is this mask, also where another version wrote the file."""
    if sha256 is None:
        return False
    if sha256 == digest(mask_png(plane)):
        return True
    try:
        return np.array_equal(mask_plane(trace.artifact(sha256)), plane)
    except (TraceError, OSError, ValueError):
        return False


def heatmap_png(plane: FloatImage) -> bytes:
    """An 8-bit grey PNG of values in [0, 1], longest side at most :data:`HEATMAP_SIDE` pixels."""
    return _grey_png(plane, HEATMAP_SIDE)


def picture_png(plane: NDArray[np.uint8]) -> bytes:
    """A PNG of (rows, columns, 3) red, green and blue, longest side at most 1024 pixels."""
    from PIL import Image

    buffer = io.BytesIO()
    _at_most(Image.fromarray(plane), _DISPLAY_SIDE).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def display_png(pixels: FloatImage | Greys) -> bytes:
    """A copy for the eye of a film in [0, 1] or in eight bits, longest side at most 1024 pixels."""
    return _grey_png(pixels, _DISPLAY_SIDE)


def _grey_png(plane: FloatImage | Greys, side: int) -> bytes:
    from PIL import Image

    picture = Image.fromarray(eight_bits(plane))
    return grey_file(np.asarray(_at_most(picture, side)))


def _at_most(picture: Image, side: int) -> Image:
    """The picture, averaged down where its longest side is above ``side`` pixels."""
    from PIL import Image

    longest = max(picture.size)
    if longest <= side:
        return picture
    width, height = (max(1, round(length * side / longest)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)


def drawings_svg(drawings: Iterable[Drawing], shape: tuple[int, int]) -> bytes:
    """Lines over a film of (rows, columns): the view box is the film."""
    rows, columns = shape
    width = max(rows, columns) / 300
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns} {rows}" '
        f'fill="none" stroke="#ffd54a" stroke-width="{width:.2f}" stroke-linecap="round">'
    ]
    for drawing in drawings:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawing.points)
        title = f"<title>{escape(drawing.label)}</title>" if drawing.label else ""
        parts.append(
            f"<polyline data-name={quoteattr(drawing.name)} points={quoteattr(points)}>"
            f"{title}</polyline>"
        )
    return "".join([*parts, "</svg>"]).encode()


def grey_png(plane: BoolMask) -> bytes:
    """An 8-bit PNG of a mask with values 0 and 255, which every program opens as expected."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(plane.astype(np.uint8) * 255).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
