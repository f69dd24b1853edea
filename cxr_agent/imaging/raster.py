"""PNG and JPEG films: containers checked here, pixels decoded by Pillow.

References
----------
DICOM PS3.3 has no say here: neither format tells spacing, projection or which end of the
range is bone, so black is the lowest value, and nothing else is claimed.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import CxrAgentError, InputCode
from cxr_agent.imaging.checks import check_size
from cxr_agent.imaging.codestream import read_jpeg
from cxr_agent.imaging.exif import exif_flip
from cxr_agent.imaging.film import DecodedFilm, ordered
from cxr_agent.imaging.header_rules import Flip
from cxr_agent.imaging.jpeg_scans import check_scans
from cxr_agent.imaging.limits import MIN_BITS
from cxr_agent.imaging.png_file import Colour, PngFile, read_png
from cxr_agent.imaging.presentation import Indices, Recipe, histogram, look_up, show
from cxr_agent.imaging.refusal import refusal
from cxr_agent.imaging.turning import turn
from cxr_agent.study import Notice

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

_JPEG_PROCESSES: Final = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive, all with Huffman codes."""
_MOST_SPREAD: Final = 3
"""Difference between red, green and blue, of 255, that colour conversion leaves in a grey film."""


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """The grey levels of a picture as they stand in the file; ``indices`` is (rows, columns)."""

    indices: Indices
    bits: int
    flip: Flip
    trailing_data: bool
    synthetic: bool = False

    @property
    def upright(self) -> Indices:
        """The levels, turned as the file asks for."""
        return turn(self.indices, self.flip)


def png_film(data: bytes) -> DecodedFilm:
    """Decode a PNG file; raises what :func:`png_raster` does, and the codes of a picture that
    shows nothing."""
    return _film(png_raster(data))


def jpeg_film(data: bytes) -> DecodedFilm:
    """Decode a JPEG file; raises what :func:`jpeg_raster` does, and the codes of a picture that
    shows nothing."""
    return _film(jpeg_raster(data))


def png_raster(data: bytes) -> Raster:
    """The grey levels of a PNG file.

    Raises
    ------
    InputError
        What :func:`~cxr_agent.imaging.png_file.read_png` raises, ``colour_image``,
        ``unsupported_format`` for transparency.
    """
    from PIL.PngImagePlugin import PngImageFile

    file = read_png(data)
    picture = _decoded(PngImageFile, file.pixel_chunks)
    if picture.size != (file.columns, file.rows):
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    indices = _png_grey(picture, file)
    bits = 8 * indices.itemsize
    return Raster(indices, bits, exif_flip(file.exif), file.trailing_data, file.synthetic)


def jpeg_raster(data: bytes) -> Raster:
    """The grey levels of a JPEG file.

    Raises
    ------
    InputError
        What :func:`~cxr_agent.imaging.codestream.read_jpeg` raises, ``too_large``,
        ``too_small``, ``colour_image``, ``unsupported_format`` for processes that cameras and
        archives do not write.
    """
    from PIL.JpegImagePlugin import JpegImageFile

    claims = read_jpeg(data)
    check_size(claims.rows, claims.columns)
    if claims.components == 4:
        raise refusal(InputCode.COLOUR_IMAGE)
    if claims.process not in _JPEG_PROCESSES or claims.bits != MIN_BITS:
        raise refusal(InputCode.UNSUPPORTED_FORMAT)
    if claims.components not in (1, 3):
        raise refusal(InputCode.CORRUPT_HEADER)
    check_scans(data[: claims.end])
    exif, bare = _without_metadata(data[: claims.end])
    picture = _decoded(JpegImageFile, bare)
    if picture.size != (claims.columns, claims.rows):
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    indices = _one_channel(picture)
    return Raster(indices, 8, exif_flip(exif), claims.end < len(data))


def _film(raster: Raster) -> DecodedFilm:
    levels = 1 << raster.bits
    # Eight bits are what a viewer shows, black to white; sixteen may hold ten or twelve.
    recipe = Recipe(whole_range=raster.bits == MIN_BITS)
    stored = np.arange(levels, dtype=np.float64)
    shown = show(stored, histogram(raster.indices, levels), recipe)
    pixels = look_up(raster.upright, shown)
    notices: set[Notice] = set()
    if raster.flip is not Flip.NONE:
        notices.add(Notice.EXIF_ORIENTATION)
    if raster.trailing_data:
        notices.add(Notice.TRAILING_DATA)
    if raster.synthetic:
        notices.add(Notice.SYNTHETIC)
    return DecodedFilm(pixels, notices=ordered(notices))


def _decoded(reader: Any, data: bytes) -> PillowImage:
    """Let Pillow decode; a warning is a refusal as well."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            picture: PillowImage = reader(io.BytesIO(data))
            picture.load()
    except (CxrAgentError, MemoryError):
        raise
    except Exception:  # Pillow raises some twenty kinds, from OSError to struct.error
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM) from None
    return picture


def _png_grey(picture: PillowImage, file: PngFile) -> Indices:
    if file.colour is Colour.PALETTE:
        return _palette_grey(np.asarray(picture), file)
    if file.colour in (Colour.GREY_ALPHA, Colour.RGB_ALPHA):
        alpha = np.asarray(picture.getchannel("A"))
        if alpha.min() < 255:
            # What lies behind is the viewer's choice: white here, black there.
            raise refusal(InputCode.UNSUPPORTED_FORMAT)
    if file.colour is Colour.GREY:
        indices: Indices = np.asarray(picture)
        if indices.dtype not in (np.uint8, np.uint16) or 8 * indices.itemsize != file.bits:
            raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
        if file.transparency and (indices == int.from_bytes(file.transparency, "big")).any():
            raise refusal(InputCode.UNSUPPORTED_FORMAT)
        return indices
    if file.transparency:
        raise refusal(InputCode.UNSUPPORTED_FORMAT)
    return _one_channel(picture)


def _palette_grey(indices: NDArray[np.uint8], file: PngFile) -> NDArray[np.uint8]:
    """The grey behind palette indices; only entries that occur count."""
    colours = np.frombuffer(file.palette, dtype=np.uint8).reshape(-1, 3)
    used = np.flatnonzero(np.bincount(indices.reshape(-1), minlength=256))
    if used[-1] >= len(colours):
        raise refusal(InputCode.CORRUPT_COMPRESSED_STREAM)
    alpha = np.full(256, 255, dtype=np.uint8)
    alpha[: len(file.transparency)] = np.frombuffer(file.transparency, dtype=np.uint8)
    if alpha[used].min() < 255:
        raise refusal(InputCode.UNSUPPORTED_FORMAT)
    spread = np.ptp(colours[used].astype(np.int16), axis=1)
    if spread.max() > _MOST_SPREAD:
        raise refusal(InputCode.COLOUR_IMAGE)
    grey = np.zeros(256, dtype=np.uint8)
    grey[: len(colours)] = colours[:, 1]
    return grey[indices]


def _one_channel(picture: PillowImage) -> NDArray[np.uint8]:
    """The only channel, or green where red and blue are the same."""
    bands = picture.getbands()
    if bands[0] == "L":
        return np.asarray(picture.getchannel("L"))
    if bands[:3] != ("R", "G", "B"):
        raise refusal(InputCode.COLOUR_IMAGE)
    green = np.asarray(picture.getchannel("G"))
    for band in ("R", "B"):  # one at a time, to bound memory
        other = np.asarray(picture.getchannel(band))
        spread = np.maximum(green, other) - np.minimum(green, other)
        if spread.max() > _MOST_SPREAD:
            raise refusal(InputCode.COLOUR_IMAGE)
    return green


def _without_metadata(data: bytes) -> tuple[bytes, bytes]:
    """The EXIF block, and the stream without comments and application segments.

    Application segments 0 and 14 stay: they tell how colours are coded. The walk may trust the
    structure, which :func:`~cxr_agent.imaging.codestream.read_jpeg` has checked.
    """
    exif = b""
    kept = [data[:2]]
    position = 2
    while True:
        start = position
        while data[position] == 0xFF:
            position += 1
        marker = data[position]
        length = int.from_bytes(data[position + 1 : position + 3], "big")
        body = data[position + 3 : position + 1 + length]
        position += 1 + length
        if marker == 0xDA:  # from the first scan on, everything belongs to the picture
            kept.append(data[start:])
            return exif, b"".join(kept)
        if marker == 0xE1 and body.startswith(b"Exif\0"):
            exif = exif or body[6:]
        if not (0xE1 <= marker <= 0xED or marker in (0xEF, 0xFE)):
            kept.append(data[start:position])
