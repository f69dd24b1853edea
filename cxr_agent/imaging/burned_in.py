"""Painting over what looks like writing, before a picture may leave this machine.

Writing has edges that a radiograph of a body has not: the focal spot, motion and the detector blur
every anatomical border over several pixels. So what stands out from its surroundings within a few
pixels is taken for writing, grown to whole glyphs, and painted over. Nothing is read. It is meant
to take too much rather than too little.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cxr_agent.study import FloatImage

BoolMask = NDArray[np.bool_]

_WORK_SIDE: Final = 1024
"""Longest side on which writing is looked for, in pixels. What is smaller than a pixel here is
illegible in the picture that leaves, which is half as large."""
_SEND_SIDE: Final = 512
_REACH: Final = 3.0
"""Standard deviation in pixels of the surroundings that a pixel is compared with."""
_STANDS_OUT: Final = 0.040
"""Of full scale. On films without writing one pixel in a thousand differs so much from its
surroundings; an edge of contrast 0.15 does so on both sides."""
_NOISE: Final = 6.0
"""Times the median difference: a noisy film must not be painted over as a whole."""
_FEWEST: Final = 6
"""Pixels of a glyph that stand out; fewer are noise."""
_JOIN: Final = 7
"""Pixels over which parts of a glyph, and glyphs of a word, are joined."""
_LARGEST_HOLE: Final = 0.12
"""Side of the largest hole in a glyph, as a share of the picture."""
_GROW: Final = 4
"""Pixels painted around it."""
_COARSE: Final = 8
_ENOUGH: Final = 0.02
"""Share of the surroundings that must be unpainted to be painted with."""
_HULL_GROWTH: Final = 0.08
"""Of the hull's size: what is kept around the outlines of lungs and heart."""


def without_text(pixels: FloatImage) -> tuple[FloatImage, BoolMask]:
    """Paint over what looks like writing.

    Parameters
    ----------
    pixels
        (rows, columns) in [0, 1].

    Returns
    -------
    tuple
        The picture, longest side at most 1024 pixels, and where it was painted.
    """
    small = _at_most(pixels, _WORK_SIDE)
    painted = _writing(small)
    return _filled(small, painted), painted


def picture_to_send(
    pixels: FloatImage, masks: Mapping[str, BoolMask], longest: int = _SEND_SIDE
) -> bytes:
    """A film as it may leave: an 8-bit grey PNG without writing, black but for the chest.

    Parameters
    ----------
    pixels
        (rows, columns) in [0, 1]; what is no number counts as 0.
    masks
        Outlines of lungs and heart, (rows, columns) bool.
    longest
        Longest side of the picture in pixels.

    Raises
    ------
    ValueError
        When no lung is outlined: what is not known to be chest stays here.
    """
    from PIL import Image

    lungs = [masks[name] for name in ("right_lung", "left_lung") if name in masks]
    if not any(plane.any() for plane in lungs):
        raise ValueError("no lung is outlined")
    # What is no number would hide the writing around it, and is no grey.
    clean, _ = without_text(np.nan_to_num(pixels, nan=0.0, posinf=1.0, neginf=0.0))
    chest = _hull([plane for plane in masks.values() if plane.any()], clean.shape)
    grey = Image.fromarray(np.rint(np.where(chest, clean, 0) * 255).astype(np.uint8))
    share = min(1.0, longest / max(grey.size))
    size = (max(1, round(grey.width * share)), max(1, round(grey.height * share)))
    buffer = io.BytesIO()
    grey.resize(size, Image.Resampling.BOX).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _writing(small: FloatImage) -> BoolMask:
    around = ndimage.gaussian_filter(small, _REACH)
    difference = np.abs(small - around)
    limit = max(_STANDS_OUT, _NOISE * float(np.median(difference)))
    edges = difference > limit
    joined = _closed(edges, _JOIN)
    labels, count = ndimage.label(joined, np.ones((3, 3)))
    sizes = ndimage.sum_labels(edges, labels, np.arange(count + 1))
    kept = sizes >= _FEWEST
    kept[0] = False
    glyphs = _without_holes(kept[labels])
    return np.asarray(ndimage.maximum_filter(glyphs, 2 * _GROW + 1), dtype=np.bool_)


def _closed(mask: BoolMask, reach: int) -> BoolMask:
    """Gaps of up to twice ``reach`` pixels filled in."""
    size = 2 * reach + 1
    wide = ndimage.maximum_filter(np.pad(mask, reach), size)
    closed = ndimage.minimum_filter(wide, size, mode="constant", cval=1)
    return np.asarray(closed[reach:-reach, reach:-reach], dtype=np.bool_)


def _without_holes(mask: BoolMask) -> BoolMask:
    """Holes filled in that a glyph may have; the frame of a film is no glyph."""
    holes, count = ndimage.label(ndimage.binary_fill_holes(mask) & ~mask)
    sizes = ndimage.sum_labels(np.ones_like(holes), holes, np.arange(count + 1))
    small = sizes <= (_LARGEST_HOLE * max(mask.shape)) ** 2
    small[0] = False
    return np.asarray(mask | small[holes], dtype=np.bool_)


def _filled(small: FloatImage, painted: BoolMask) -> FloatImage:
    """Painted pixels get the mean of what is not painted around them, near first."""
    from PIL import Image

    if not painted.any():
        return small
    coarse = _shrunk(np.where(painted, 0, small), _COARSE)
    weight = _shrunk((~painted).astype(np.float32), _COARSE)
    background = np.full(coarse.shape, float(small.mean()), dtype=np.float32)
    known = np.zeros(coarse.shape, dtype=np.bool_)
    for reach in (1.0, 4.0, 16.0):
        share = ndimage.gaussian_filter(weight, reach)
        value = ndimage.gaussian_filter(coarse, reach)
        here = (share > _ENOUGH) & ~known
        background[here] = value[here] / share[here]
        known |= here
    size = (small.shape[1], small.shape[0])
    fill = np.asarray(Image.fromarray(background).resize(size, Image.Resampling.BILINEAR))
    return np.where(painted, fill, small).astype(np.float32)


def _hull(planes: list[BoolMask], shape: tuple[int, ...]) -> BoolMask:
    """The convex hull around outlines, grown, on the grid of the small picture."""
    from PIL import Image, ImageDraw
    from scipy.spatial import ConvexHull

    rows, columns = planes[0].shape
    down, across = shape[0] / rows, shape[1] / columns
    points = np.concatenate([_border(plane) for plane in planes]) * (across, down)
    hull = points[ConvexHull(points, qhull_options="QJ").vertices]
    centre = hull.mean(axis=0)
    grown = centre + (hull - centre) * (1 + _HULL_GROWTH)
    picture = Image.new("1", (shape[1], shape[0]))
    ImageDraw.Draw(picture).polygon([(float(x), float(y)) for x, y in grown], fill=1)
    return np.asarray(picture, dtype=np.bool_)


def _border(plane: BoolMask) -> NDArray[np.float64]:
    """First and last pixel of each row as (x, y): enough for a hull."""
    rows = np.flatnonzero(plane.any(axis=1))
    first = plane[rows].argmax(axis=1)
    last = plane.shape[1] - plane[rows, ::-1].argmax(axis=1)
    return np.concatenate([np.stack([first, rows], 1), np.stack([last, rows + 1], 1)]).astype(float)


def _shrunk(plane: FloatImage, factor: int) -> FloatImage:
    from PIL import Image

    size = (max(1, plane.shape[1] // factor), max(1, plane.shape[0] // factor))
    picture = Image.fromarray(plane.astype(np.float32))
    return np.asarray(picture.resize(size, Image.Resampling.BOX))


def _at_most(pixels: FloatImage, side: int) -> FloatImage:
    """The picture, averaged down where its longest side is above ``side`` pixels."""
    from PIL import Image

    if max(pixels.shape) <= side:
        return pixels
    share = side / max(pixels.shape)
    size = (max(1, round(pixels.shape[1] * share)), max(1, round(pixels.shape[0] * share)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
