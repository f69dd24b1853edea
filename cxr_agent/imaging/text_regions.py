"""Where a film has writing on it, found closely enough that the rest of it can still be read.

Writing steps from paper to ink within one pixel; the focal spot, motion and the detector spread
every border of a body over several. So a pixel speaks for writing when most of the difference in
its surroundings lies in one step. Long straight lines, as collimators and frames draw them, do not
count; nor does a single upright glyph: a side marker has to stay, and one letter names nobody.
Nothing is read.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cxr_agent.study import FloatImage

BoolMask = NDArray[np.bool_]

_LONGEST: Final = 3000
"""Side in pixels above which the film is looked at in a smaller picture."""
_HALVED: Final = 1000
"""Side from which a picture of half the size is looked at as well: for large and soft writing."""
_AROUND: Final = 7
"""Pixels across of a pixel's surroundings."""
_CONTRAST: Final = 0.08
"""Of full scale: the least difference in the surroundings."""
_NOISE: Final = 5.0
"""Times the median step from pixel to pixel: the same on a noisy film."""
_CRISP: Final = 0.5
"""Share of the difference that lies in one step. On films without writing it is 0.34 for half of
the pixels that stand out; on writing 0.8."""
_LINE: Final = 0.1
"""Of the longest side: what is straight for so long is no glyph."""
_SHORTEST_LINE: Final = 64
_JOIN: Final = 6
"""Pixels over which strokes and glyphs are joined."""
_FEWEST: Final = 40
"""Crisp pixels of a text; fewer are grain, or the cross of two vessels."""
_LEAST_SIDE: Final = 6
_LEAST_FILL: Final = 0.2
"""Of its box that a text covers; a slanted edge and a curved one cover less."""
_GROW: Final = 4
"""Pixels painted around it."""
_GLYPH_ASPECT: Final = (0.3, 1.5)
"""Width over height of a single upright glyph."""


def text_regions(pixels: FloatImage) -> BoolMask:
    """Where writing is, as boxes.

    Parameters
    ----------
    pixels
        (rows, columns) in [0, 1], as it is shown.

    Returns
    -------
    numpy.ndarray
        (rows, columns).
    """
    found = np.zeros(pixels.shape, dtype=np.bool_)
    longest = max(pixels.shape)
    step = -(-longest // _LONGEST)
    while True:
        picture = _shrunk(pixels, step)
        _mark(found, _boxes(picture), step)
        step *= 2
        if longest // step < _HALVED // 2:
            return found


def _boxes(picture: FloatImage) -> list[tuple[slice, slice]]:
    crisp = _crisp(picture)
    size = 2 * _JOIN + 1
    wide = ndimage.maximum_filter(crisp, size)
    joined = ndimage.minimum_filter(wide, size, mode="constant", cval=1)
    labels, _ = ndimage.label(joined, np.ones((3, 3)))
    boxes = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        own = labels[box] == number
        if _is_text(own, crisp[box] & own):
            boxes.append(box)
    return boxes


def _crisp(picture: FloatImage) -> BoolMask:
    down = np.abs(np.diff(picture, axis=0, prepend=picture[:1]))
    across = np.abs(np.diff(picture, axis=1, prepend=picture[:, :1]))
    step = np.maximum(down, across)
    most = ndimage.maximum_filter(picture, _AROUND) - ndimage.minimum_filter(picture, _AROUND)
    least = max(_CONTRAST, _NOISE * float(np.median(step)))
    crisp = np.asarray((step > _CRISP * most) & (most > least), dtype=np.bool_)
    length = max(_SHORTEST_LINE, int(_LINE * max(picture.shape)))
    for shape in ((1, length), (length, 1)):
        thick = ndimage.maximum_filter(crisp, [3 if side == 1 else 1 for side in shape])
        line = ndimage.binary_opening(thick, np.ones(shape))
        crisp &= ~ndimage.maximum_filter(line, 3)
    return crisp


def _is_text(own: BoolMask, crisp: BoolMask) -> bool:
    rows, columns = own.shape
    if np.count_nonzero(crisp) < _FEWEST or min(rows, columns) < _LEAST_SIDE:
        return False
    if own.mean() < _LEAST_FILL:
        return False
    return not _is_single_glyph(crisp)


def _is_single_glyph(crisp: BoolMask) -> bool:
    rows, columns = crisp.shape
    low, high = _GLYPH_ASPECT
    if not low <= columns / rows <= high:
        return False
    _, parts = ndimage.label(ndimage.maximum_filter(crisp, 3), np.ones((3, 3)))
    return bool(parts == 1)


def _mark(found: BoolMask, boxes: list[tuple[slice, slice]], step: int) -> None:
    for down, across in boxes:
        found[
            max(0, (down.start - _GROW) * step) : (down.stop + _GROW) * step,
            max(0, (across.start - _GROW) * step) : (across.stop + _GROW) * step,
        ] = True


def _shrunk(pixels: FloatImage, step: int) -> FloatImage:
    """Averaged down by a whole number."""
    from PIL import Image

    if step == 1:
        return pixels
    return np.asarray(Image.fromarray(pixels).reduce(step))
