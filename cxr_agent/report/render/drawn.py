"""One artifact of a trace as what a page lays over its film."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final, Literal

from cxr_agent.report.render._drawings import Line, OverlayError, read_lines
from cxr_agent.report.render._heatmaps import gradient, heatmap_picture
from cxr_agent.report.render._palette import OTHER_COLOURS, STRUCTURE_COLOURS, rgb
from cxr_agent.report.render._pictures import (
    MAX_PNG,
    PNG_MAGIC,
    Film,
    data_uri,
    film_picture,
    mask_pictures,
    open_png,
)

_JPEG_QUALITY: Final = 85


@dataclass(frozen=True, slots=True)
class Drawn:
    """What lies over a film; pictures are data URIs that span it."""

    kind: Literal["mask", "lines", "map", "picture"]
    colour: str = ""
    """Of a mask, ``#rrggbb``."""
    fill: str = ""
    """The area of a mask; a map or a picture as a whole."""
    edge: str = ""
    """The outline of a mask."""
    lines: tuple[Line, ...] = ()


def draw(
    name: str, data: bytes, shape: tuple[int, int], shown: tuple[int, int], place: int = 0
) -> Drawn:
    """What an artifact looks like over its film.

    Parameters
    ----------
    name
        As the tool named it; tells maps and difference pictures from masks.
    shape
        (rows, columns) of the film.
    shown
        (width, height) of the film's picture on the page.
    place
        Chooses the colour of a mask whose name has none of its own.

    Raises
    ------
    OverlayError
        When it is not what the toolbox writes, or was not made for this film.
    """
    from cxr_agent.toolbox.artifacts import DIFFERENCE, saliency_name

    if name == DIFFERENCE:
        return Drawn("picture", fill=_picture(data, shape))
    if name.startswith(saliency_name("")):
        return Drawn("map", fill=heatmap_picture(data, shape))
    if not data.startswith(PNG_MAGIC):
        return Drawn("lines", lines=read_lines(data, *shape))
    colour = STRUCTURE_COLOURS.get(name) or OTHER_COLOURS[place % len(OTHER_COLOURS)]
    pictures = mask_pictures(data, shape, shown, rgb(colour))
    return Drawn("mask", colour, pictures.fill, pictures.edge)


def _picture(data: bytes, shape: tuple[int, int]) -> str:
    """A picture of the whole film, in its own colours."""
    from cxr_agent.toolbox.artifacts import spans_film

    picture = open_png(data)
    if not spans_film((picture.height, picture.width), shape):
        raise OverlayError("the picture was not made for this film")
    buffer = io.BytesIO()
    # Written anew, so that nothing but pixels of the file reaches the page.
    picture.convert("RGB").save(buffer, "PNG")
    if buffer.tell() <= MAX_PNG:
        return data_uri("image/png", buffer.getvalue())
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return data_uri("image/jpeg", buffer.getvalue())


__all__ = ["Drawn", "Film", "Line", "OverlayError", "draw", "film_picture", "gradient"]
