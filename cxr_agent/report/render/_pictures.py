"""Films and masks as data URIs."""

from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cxr_agent.report.render._drawings import OverlayError

if TYPE_CHECKING:
    from PIL.Image import Image

PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
MAX_PNG: Final = 700 * 1024
"""A larger film is shown as JPEG, so that a report stays below 1.5 MB after base64."""
_JPEG_QUALITY: Final = 90
_COLOUR_SIDE: Final = 512
_COLOUR_JPEG_QUALITY: Final = 85
_MAX_COLOUR_PNG: Final = 64 * 1024
"""Of a picture beside the film; there is one for each prior, and the film takes most of a page."""
_MAX_PIXELS: Final = 64_000_000


@dataclass(frozen=True, slots=True)
class Film:
    """A film for the eye."""

    uri: str
    size: tuple[int, int]
    """Width and height of the picture that is shown."""
    lossy: bool


@dataclass(frozen=True, slots=True)
class MaskPictures:
    """One mask twice: its area and its outline, both in one colour over nothing."""

    fill: str
    edge: str


def film_picture(data: bytes) -> Film:
    """The display copy of a film as a data URI.

    Raises
    ------
    OverlayError
        When it is no PNG.
    """
    picture = open_png(data)
    if len(data) <= MAX_PNG:
        return Film(data_uri("image/png", data), picture.size, lossy=False)
    buffer = io.BytesIO()
    picture.convert("L").save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return Film(data_uri("image/jpeg", buffer.getvalue()), picture.size, lossy=True)


def colour_picture(data: bytes, shape: tuple[int, int]) -> Film:
    """A coloured picture of a whole film as a data URI, longest side at most 512 pixels.

    Parameters
    ----------
    shape
        (rows, columns) of the film.

    Raises
    ------
    OverlayError
        When it is no PNG in colour, or not one of this film.
    """
    from cxr_agent.toolbox.artifacts import spans_film

    picture = open_png(data)
    if picture.mode != "RGB":
        raise OverlayError("the picture is not in colour")
    if not spans_film((picture.height, picture.width), shape):
        raise OverlayError("the picture was not made for this film")
    if len(data) <= _MAX_COLOUR_PNG and max(picture.size) <= _COLOUR_SIDE:
        return Film(data_uri("image/png", data), picture.size, lossy=False)
    picture.thumbnail((_COLOUR_SIDE, _COLOUR_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_COLOUR_JPEG_QUALITY)
    return Film(data_uri("image/jpeg", buffer.getvalue()), picture.size, lossy=True)


def mask_pictures(
    data: bytes, shape: tuple[int, int], shown: tuple[int, int], colour: tuple[int, int, int]
) -> MaskPictures:
    """A mask coloured and brought to the size of the picture that is shown.

    Parameters
    ----------
    data
        1-bit PNG in film pixels.
    shape
        (rows, columns) of the film.
    shown
        (width, height) of the display copy.
    colour
        Red, green, blue, 0 to 255.

    Raises
    ------
    OverlayError
        When it is no PNG of the film's size.
    """
    from PIL import Image, ImageChops, ImageFilter

    picture = open_png(data)
    if (picture.height, picture.width) != shape:
        raise OverlayError("the mask was not made for this film")
    # BOX averages, so the threshold at one half keeps the area of thin structures.
    grey = picture.convert("L").resize(shown, Image.Resampling.BOX)
    area = grey.point([0] * 128 + [255] * 128)
    inner = area.filter(ImageFilter.MinFilter(5 if max(shown) > 640 else 3))
    return MaskPictures(
        _coloured(area, colour), _coloured(ImageChops.subtract(area, inner), colour)
    )


def open_png(data: bytes) -> Image:
    """A PNG, decoded.

    Raises
    ------
    OverlayError
        When it is something else, damaged, or too large to decode.
    """
    from PIL import Image

    if not data.startswith(PNG_MAGIC):
        raise OverlayError("the picture is no PNG")
    try:
        picture = Image.open(io.BytesIO(data), formats=("PNG",))
        if picture.width * picture.height > _MAX_PIXELS:
            raise OverlayError("the picture is too large")
        picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise OverlayError("the picture is damaged") from None
    return picture


def _coloured(area: Image, colour: tuple[int, int, int]) -> str:
    """Two palette entries, one of them transparent: a few kilobytes per mask."""
    from PIL import Image

    picture = Image.new("P", area.size, 0)
    picture.putpalette([0, 0, 0, *colour])
    picture.paste(1, mask=area)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", bits=1, transparency=0, optimize=True)
    return data_uri("image/png", buffer.getvalue())


def data_uri(kind: str, data: bytes) -> str:
    """A picture as an address that asks for nothing."""
    return f"data:{kind};base64,{b64encode(data).decode('ascii')}"
