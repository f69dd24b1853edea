"""Where a film has writing on it, found closely enough that the rest of it can still be read.

Writing steps from paper to ink within one pixel; the focal spot, motion and the detector spread
every border of a body over several. So a pixel speaks for writing when most of the difference in
its surroundings lies in one step. Long straight lines, as collimators and frames draw them, do not
count; nor does a single upright glyph: a side marker has to stay, and one letter names nobody.
Nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from cxr_agent.imaging.eight_bits import Greys, eight_bits
from cxr_agent.imaging.windows import least_within, most_within, runs, spread_within
from cxr_agent.study import FloatImage

BoolMask = NDArray[np.bool_]
Film = TypeVar("Film", FloatImage, Greys)
Places = NDArray[np.intp]

_GREYS: Final = 255
_TOUCHING: Final = np.ones((3, 3), dtype=np.bool_)
"""Pixels that touch at a corner hang together."""

_LONGEST: Final = 3000
"""Side in pixels above which the film is looked at in a smaller picture."""
_HALVED: Final = 1000
"""Side from which a picture of half the size is looked at as well: for large and soft writing."""
_AROUND: Final = 7
"""Pixels across of a pixel's surroundings."""
_CONTRAST: Final = 0.06
"""Of full scale: the least difference in the surroundings."""
_TEXTURE: Final = 3
"""Times what is usual around it: the same on a film with grain or sharpened by its makers."""
_USUAL: Final = 30
"""Percentile that is usual, so that writing itself is not."""
_WIDE: Final = 7
"""Across of what is around, in steps of ``_COARSE`` pixels."""
_COARSE: Final = 16
_HALF: Final = 2
"""More than one part in so many of the difference lies in one step. On films without writing a
share of 0.34 does for half of the pixels that stand out; on writing 0.8."""
_LINE: Final = 0.1
"""Of the longest side: what is straight for so long is no glyph."""
_SHORTEST_LINE: Final = 64
_JOIN: Final = 6
"""Pixels over which strokes and glyphs are joined."""
_ROOM: Final = _JOIN + 1
"""Pixels around crisp ones, beyond which nothing is joined to them."""
_CELL: Final = 2 * _ROOM
"""Pixels: what lies further apart is never joined."""
_FEWEST: Final = 40
"""Crisp pixels of a text; fewer are grain, or the cross of two vessels."""
_FEWEST_OF_A_PART: Final = 12
"""Of what is text only beside a text."""
_LEAST_SIDE: Final = 6
_REACH: Final = 1.0
"""Of a line's height: how far its next glyph or word may be."""
_ALIKE: Final = 1.4
_MOST: Final = 2000
"""Candidates: more are grain all over, of which pairs say nothing."""
_LEAST_FILL: Final = 0.2
"""Of its box that a text covers; a slanted edge and a curved one cover less."""
_GROW: Final = 4
"""Pixels painted around it."""
_FURTHER: Final = 0.5
"""Of a line's height: what is painted beyond its ends."""
_GLYPH_ASPECT: Final = (0.3, 1.5)
"""Width over height of a single upright glyph."""
_MOSTLY: Final = 0.7
"""Of the crisp pixels of a glyph that hang together."""


def text_regions(pixels: FloatImage | Greys) -> BoolMask:
    """Where writing is, as boxes.

    Parameters
    ----------
    pixels
        (rows, columns) in [0, 1], as it is shown, or in eight bits.

    Returns
    -------
    numpy.ndarray
        (rows, columns).
    """
    found = np.zeros(pixels.shape, dtype=np.bool_)
    # In 256 greys, as it is shown: a quarter of the time.
    greys = eight_bits(pixels)
    longest = max(pixels.shape)
    step = -(-longest // _LONGEST)
    while True:
        picture = _shrunk(greys, step)
        _mark(found, _texts(picture), step)
        step *= 2
        if longest // step < _HALVED // 2:
            return found


def blacked_out(pixels: Film) -> Film:
    """A film as it may be kept where others look: black where there is writing.

    Parameters
    ----------
    pixels
        (rows, columns) in [0, 1] or in eight bits; returned as they are where there is none.
    """
    writing = text_regions(pixels)
    return np.where(writing, pixels.dtype.type(0), pixels) if writing.any() else pixels


@dataclass(slots=True)
class _Candidate:
    """A group of crisp pixels: the box around it, and whether it is text for sure."""

    top: int
    bottom: int
    left: int
    right: int
    taken: bool
    single: bool

    @property
    def side(self) -> int:
        """The shorter side in pixels: about the height of a line of text."""
        return min(self.bottom - self.top, self.right - self.left)

    def near(self, other: _Candidate) -> bool:
        """Whether one may go on where the other ends."""
        down = max(self.top, other.top) - min(self.bottom, other.bottom)
        across = max(self.left, other.left) - min(self.right, other.right)
        return max(down, across) <= _REACH * max(self.side, other.side)

    def like(self, other: _Candidate) -> bool:
        """Whether both are glyphs of one height."""
        small, large = sorted((self.bottom - self.top, other.bottom - other.top))
        return self.single and other.single and large <= _ALIKE * small


def _texts(picture: Greys) -> list[_Candidate]:
    crisp = _crisp(picture)
    if np.count_nonzero(crisp) < _FEWEST_OF_A_PART:
        return []
    found = [one for places in _islands(crisp) for one in _candidates(*places, crisp.shape)]
    _take_neighbours(found)
    return [one for one in found if one.taken]


def _islands(crisp: BoolMask) -> Iterator[tuple[Places, Places]]:
    """Rows and columns of crisp pixels that may be joined with each other, and with no others.

    What is nearer than can be joined lies in the same cell of a grid or in the next one. On most
    films these are few small parts, and quickly looked at one by one.
    """
    from scipy import ndimage

    # Of one axis: found in a tenth of the time of two.
    down, across = np.divmod(np.flatnonzero(crisp), crisp.shape[1])
    rows, columns = (side // _CELL + 1 for side in crisp.shape)
    cells = down // _CELL * columns + across // _CELL
    held = np.bincount(cells, minlength=rows * columns).reshape(rows, columns)
    numbers = ndimage.label(held, _TOUCHING)[0].reshape(-1)[cells]
    order = np.argsort(numbers, kind="stable")
    for island in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1):
        if island.size >= _FEWEST_OF_A_PART:
            yield down[island], across[island]


def _candidates(down: Places, across: Places, shape: tuple[int, ...]) -> Iterator[_Candidate]:
    """What may be text of an island, given by its pixels, on a film of (rows, columns)."""
    from scipy import ndimage

    top, left = (max(0, int(places.min()) - _ROOM) for places in (down, across))
    bottom, right = (
        min(side, int(places.max()) + 1 + _ROOM)
        for side, places in zip(shape, (down, across), strict=True)
    )
    at = down - top, across - left
    crisp = np.zeros((bottom - top, right - left), dtype=np.bool_)
    crisp[at] = True
    labels, _ = ndimage.label(_joined(crisp), _TOUCHING)
    counts = np.bincount(labels[at])
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if counts[number] >= _FEWEST_OF_A_PART:
            own = labels[box] == number
            candidate = _candidate(own, crisp[box] & own, (top + box[0].start, left + box[1].start))
            if candidate is not None:
                yield candidate


def _joined(crisp: BoolMask) -> BoolMask:
    size = 2 * _JOIN + 1
    return least_within(most_within(crisp, size), size)


def _candidate(own: BoolMask, crisp: BoolMask, at: tuple[int, int]) -> _Candidate | None:
    if np.count_nonzero(own) < _LEAST_FILL * own.size:
        return None
    single = _is_single_glyph(crisp)
    enough = int(np.count_nonzero(crisp)) >= _FEWEST
    taken = enough and min(own.shape) >= _LEAST_SIDE and not single
    (top, left), (rows, columns) = at, own.shape
    return _Candidate(top, top + rows, left, left + columns, taken, single)


def _take_neighbours(found: list[_Candidate]) -> None:
    """Parts beside a text belong to it; glyphs of one height side by side are one."""
    if len(found) > _MOST:
        return
    for at, one in enumerate(found):
        for other in found[at + 1 :]:
            if one.like(other) and one.near(other):
                one.taken = other.taken = True
    waiting = [one for one in found if one.taken]
    while waiting:
        text = waiting.pop()
        for one in found:
            if not one.taken and one.near(text):
                one.taken = True
                waiting.append(one)


def _crisp(picture: Greys) -> BoolMask:
    step = np.zeros_like(picture)
    step[1:] = _apart(picture[1:], picture[:-1])
    step[:, 1:] = np.maximum(step[:, 1:], _apart(picture[:, 1:], picture[:, :-1]))
    most = spread_within(picture, _AROUND)
    # A grey that is 0.06 of full scale is 15.3, so 16 and more are above it.
    crisp = np.asarray((step > most // _HALF) & (most > int(_CONTRAST * _GREYS)), dtype=np.bool_)
    crisp &= most > _texture(most)
    if np.count_nonzero(crisp) < _FEWEST_OF_A_PART:
        return crisp
    length = max(_SHORTEST_LINE, int(_LINE * max(picture.shape)))
    for along, over in ((1, 0), (0, 1)):
        line = runs(most_within(crisp, 3, axis=over), length, axis=along)
        if line.any():
            crisp &= ~most_within(line, 3)
    return crisp


def _apart(one: Greys, other: Greys) -> Greys:
    difference: Greys = np.maximum(one, other) - np.minimum(one, other)
    return difference


def _texture(most: Greys) -> Greys:
    """The difference within a few pixels, around each, above which something stands out."""
    # As 16-bit numbers, which NumPy sorts several times as fast as bytes.
    coarse = most[::_COARSE, ::_COARSE].astype(np.uint16)
    windows = sliding_window_view(np.pad(coarse, _WIDE // 2, mode="symmetric"), (_WIDE, _WIDE))
    around = windows.reshape(*coarse.shape, _WIDE * _WIDE)
    rank = _WIDE * _WIDE * _USUAL // 100
    usual = np.partition(around, rank, axis=2)[:, :, rank]
    # Nothing is above white.
    limits = np.minimum(_TEXTURE * usual, _GREYS).astype(np.uint8)
    spread = np.repeat(np.repeat(limits, _COARSE, axis=0), _COARSE, axis=1)
    return spread[: most.shape[0], : most.shape[1]]


def _is_single_glyph(crisp: BoolMask) -> bool:
    from scipy import ndimage

    rows, columns = crisp.shape
    low, high = _GLYPH_ASPECT
    if not low <= columns / rows <= high:
        return False
    parts, count = ndimage.label(most_within(crisp, 3), _TOUCHING)
    sizes = np.bincount(parts[crisp], minlength=count + 1)
    return bool(sizes.max() >= _MOSTLY * sizes.sum())


def _mark(found: BoolMask, texts: list[_Candidate], step: int) -> None:
    for text in texts:
        # A thin glyph between two words, or at the end of one, has few crisp pixels of its own.
        further = _GROW + round(_FURTHER * text.side)
        lies = text.right - text.left >= text.bottom - text.top
        down, across = (_GROW, further) if lies else (further, _GROW)
        top, left = max(0, text.top - down), max(0, text.left - across)
        rows = slice(top * step, (text.bottom + down) * step)
        found[rows, left * step : (text.right + across) * step] = True


def _shrunk(greys: Greys, step: int) -> Greys:
    """Averaged down by a whole number."""
    from PIL import Image

    if step == 1:
        return greys
    return np.asarray(Image.fromarray(greys).reduce(step))
