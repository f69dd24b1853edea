"""Maps of what a classifier used, coloured for laying over a film."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from cxr_agent.report.render._drawings import OverlayError
from cxr_agent.report.render._pictures import data_uri, open_png

if TYPE_CHECKING:
    from PIL.Image import Image

# Inferno at 0.3 to 0.9 in steps of 0.1 (Smith and van der Walt, matplotlib, CC0): its lightness
# only rises, so it reads the same under every common colour blindness. The dark end would look
# like lung and the light end like bone.
_INFERNO: Final = ("#6a176e", "#932667", "#bc3754", "#dd513a", "#f37819", "#fca50a", "#f6d746")
_CLEAR_BELOW: Final = 0.25
"""Values up to this are transparent: the film stays as it is where the map is low."""
_MOST_OPAQUE: Final = 0.8
_SIDE: Final = 128
"""Longest side that a page holds. The browser smooths the rest, and a dozen maps stay small."""


def heatmap_picture(data: bytes, shape: tuple[int, int]) -> str:
    """A map in colour over nothing, as a data URI; raises as :func:`coloured_map`."""
    buffer = io.BytesIO()
    coloured = _indexed_map(data, shape)
    coloured.save(buffer, "PNG", optimize=True)
    return data_uri("image/png", buffer.getvalue())


def coloured_map(data: bytes, shape: tuple[int, int]) -> Image:
    """A map in colour over nothing, RGBA.

    Parameters
    ----------
    data
        8-bit grey PNG of :func:`cxr_agent.toolbox.artifacts.heatmap_png`.
    shape
        (rows, columns) of the film that the map is stretched over.

    Raises
    ------
    OverlayError
        When it is no such PNG, or not one of this film.
    """
    return _indexed_map(data, shape).convert("RGBA")


def _indexed_map(data: bytes, shape: tuple[int, int]) -> Image:
    from PIL import Image as Pillow

    from cxr_agent.toolbox.artifacts import HEATMAP_SIDE, spans_film

    picture = open_png(data)
    if picture.mode != "L":
        raise OverlayError("the map is not 8-bit grey")
    if max(picture.size) > HEATMAP_SIDE:
        raise OverlayError(f"the map is larger than {HEATMAP_SIDE} pixels")
    if not spans_film((picture.height, picture.width), shape):
        raise OverlayError("the map was not made for this film")
    share = min(1.0, _SIDE / max(picture.size))
    width, height = (max(1, round(side * share)) for side in picture.size)
    grey = picture.resize((width, height), Pillow.Resampling.BOX)
    coloured = Pillow.frombytes("P", grey.size, grey.tobytes())
    ramp = [_colour(level / 255) for level in range(256)]
    coloured.putpalette([part for *rgb, _ in ramp for part in rgb])
    coloured.info["transparency"] = bytes(round(255 * opacity) for *_, opacity in ramp)
    return coloured


def gradient() -> str:
    """The colours from 0 to 1 as a CSS gradient, for the legend."""
    stops = (_colour(tenth / 10) for tenth in range(11))
    return ", ".join(f"rgb({red} {green} {blue} / {a:.2f})" for red, green, blue, a in stops)


def _colour(value: float) -> tuple[int, int, int, float]:
    """Red, green, blue (0 to 255) and opacity (0 to 1) of a value in [0, 1]."""
    height = max(0.0, (value - _CLEAR_BELOW) / (1 - _CLEAR_BELOW))
    place = height * (len(_INFERNO) - 1)
    below = min(int(place), len(_INFERNO) - 2)
    low, high = (bytes.fromhex(_INFERNO[i][1:]) for i in (below, below + 1))
    red, green, blue = (
        round(a + (b - a) * (place - below)) for a, b in zip(low, high, strict=True)
    )
    return red, green, blue, _MOST_OPAQUE * height
