"""A film with what was measured drawn over it, as one PNG."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Final

from cxr_agent.imaging.eight_bits import eight_bits
from cxr_agent.report.render._palette import COLOURS, SHADOW, Colour
from cxr_agent.study import FloatImage
from cxr_agent.toolbox.contract import Drawing
from cxr_agent.toolbox.measurement import Measurement

_SIDE: Final = 1024


def overlay_png(
    pixels: FloatImage,
    drawings: Sequence[Drawing],
    items: Iterable[Measurement] = (),
    *,
    side: int = _SIDE,
) -> bytes:
    """The film with lines and their labels, landmarks as dots, and the values in a corner.

    Parameters
    ----------
    pixels
        (rows, columns) in [0, 1].
    drawings
        In film pixels.
    side
        Longest side of the picture in pixels.
    """
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = pixels.shape
    scale = side / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    grey = Image.fromarray(eight_bits(pixels))
    picture = grey.resize(size, Image.Resampling.BILINEAR).convert("RGB")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(15)
    for index, drawing in enumerate(drawings):
        colour = COLOURS[index % len(COLOURS)]
        points = [(x * scale, y * scale) for x, y in drawing.points]
        if len(points) > 1:
            draw.line(points, fill=SHADOW, width=5, joint="curve")
            draw.line(points, fill=colour, width=2, joint="curve")
        for x, y in points if len(points) < 5 else ():
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour, outline=SHADOW)
        if drawing.label and points:
            x, y = points[len(points) // 2]
            _text(draw, (x + 6, y - 18), drawing.label, colour, font)
    for line, item in enumerate(items):
        for x, y in item.landmarks.values():
            x, y = x * scale, y * scale
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), outline=(255, 255, 255), width=2)
        _text(draw, (8, 8 + 19 * line), _said(item), (255, 255, 255), font)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _said(item: Measurement) -> str:
    side = f" {item.side.value}" if item.side else ""
    unit = "" if item.unit.value == "1" else f" {item.unit.value}"
    meaning = f" ({item.decided.category.replace('_', ' ')})" if item.decided else ""
    return f"{item.id.replace('_', ' ')}{side}: {item.value:.3g}{unit}{meaning}"


def _text(
    draw: object, place: tuple[float, float], text: str, colour: Colour, font: object
) -> None:
    """Text with a dark rim, readable on any grey."""
    draw.text(place, text, fill=colour, font=font, stroke_width=2, stroke_fill=SHADOW)  # type: ignore[attr-defined]
