"""A film with what evidence rests on drawn over it, as one PNG: outlines, lines, map, box."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.report.render._drawings import OverlayError, read_lines
from cxr_agent.report.render._heatmaps import coloured_map
from cxr_agent.report.render._palette import COLOURS, SHADOW, Colour
from cxr_agent.report.render._pictures import open_png

if TYPE_CHECKING:
    from PIL.Image import Image

_LINES: Final = "lines"
_MAP: Final = "saliency_"

Artifact = Callable[[str], bytes]
"""A file of the trace by its hash."""


def draws_something(items: Iterable[Evidence]) -> bool:
    """Whether anything of this evidence can be drawn."""
    return any(item.artifacts or item.box is not None for item in items)


def evidence_overlay(
    display: bytes, shape: tuple[int, int], items: Sequence[Evidence], artifact: Artifact
) -> bytes:
    """Draw evidence over its film.

    Parameters
    ----------
    display
        PNG of the film for the eye.
    shape
        (rows, columns) of the film itself, which coordinates are of.
    items
        Evidence on this one film.

    Raises
    ------
    OverlayError
        When a file is not what the toolbox writes.
    """
    from PIL import ImageDraw

    picture = open_png(display).convert("RGB")
    scale = picture.width / shape[1]
    names: list[tuple[str, Colour]] = []
    drawn: set[str] = set()
    for place, item in enumerate(items):
        colour = COLOURS[place % len(COLOURS)]
        names.append((f"{item.id} {item.code.replace('_', ' ')}", colour))
        for name, sha256 in item.artifacts.items():
            if sha256 in drawn:
                continue
            drawn.add(sha256)
            data = artifact(sha256)
            if name == _LINES:
                _draw_lines(picture, data, shape, scale, colour)
            elif name.startswith(_MAP):
                heat = coloured_map(data, shape).resize(picture.size)
                picture.paste(heat, (0, 0), heat)
            else:
                _draw_outline(picture, open_png(data), colour)
        if item.box is not None and (not item.artifacts or item.kind is EvidenceKind.FINDING):
            box = [round(edge * scale) for edge in item.box]
            ImageDraw.Draw(picture).rectangle(box, outline=colour, width=2)
    _draw_names(picture, names)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _draw_lines(
    picture: Image,
    data: bytes,
    shape: tuple[int, int],
    scale: float,
    colour: Colour,
) -> None:
    from PIL import ImageDraw

    draw = ImageDraw.Draw(picture)
    for line in read_lines(data, *shape):
        points = [(x * scale, y * scale) for x, y in line.points]
        draw.line(points, fill=SHADOW, width=5, joint="curve")
        draw.line(points, fill=colour, width=2, joint="curve")


def _draw_outline(picture: Image, mask: Image, colour: Colour) -> None:
    from PIL import Image as Pillow
    from PIL import ImageChops, ImageFilter

    plane = mask.convert("L").resize(picture.size, Pillow.Resampling.BILINEAR)
    plane = plane.point(lambda grey: 255 if grey > 127 else 0)
    wide = plane.filter(ImageFilter.MaxFilter(3))
    narrow = plane.filter(ImageFilter.MinFilter(3))
    picture.paste(colour, (0, 0), ImageChops.difference(wide, narrow))


def _draw_names(picture: Image, names: Sequence[tuple[str, Colour]]) -> None:
    from PIL import ImageDraw, ImageFont

    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    for place, (name, colour) in enumerate(names[:24]):
        draw.text(
            (8, 8 + 19 * place), name, fill=colour, font=font, stroke_width=2, stroke_fill=SHADOW
        )


__all__ = ["OverlayError", "draws_something", "evidence_overlay"]
