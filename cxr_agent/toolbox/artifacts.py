"""Masks and measured lines as files: 1-bit PNG and SVG, both in the film's own pixels."""

from __future__ import annotations

import io
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from cxr_agent.study import FloatImage
from cxr_agent.toolbox.contract import BoolMask, Drawing

_DISPLAY_SIDE = 1024


def mask_png(plane: BoolMask) -> bytes:
    """A binary PNG of a mask, at its own size."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(plane).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def heatmap_png(plane: FloatImage) -> bytes:
    """An 8-bit grey PNG of values in [0, 1]."""
    from PIL import Image

    buffer = io.BytesIO()
    grey = np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(grey).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def display_png(pixels: FloatImage) -> bytes:
    """An 8-bit copy of a film for the eye, longest side at most 1024 pixels."""
    from PIL import Image

    rows, columns = pixels.shape
    picture = Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    longest = max(rows, columns)
    if longest > _DISPLAY_SIDE:
        size = (
            max(1, round(columns * _DISPLAY_SIDE / longest)),
            max(1, round(rows * _DISPLAY_SIDE / longest)),
        )
        picture = picture.resize(size, Image.Resampling.BOX)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


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
