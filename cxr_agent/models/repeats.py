"""Altered copies of a film, outlined again to see how firm an outline is.

Test-time augmentation: each copy is changed in a way that leaves the anatomy alone, and what the
network outlines on it is brought back. All of this happens on the network's own grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from cxr_agent.boxes import box_around
from cxr_agent.knowledge import structures
from cxr_agent.models.parts import Drawn, largest_part
from cxr_agent.models.tile import BESIDE, Placement, framed, resized, resized_above
from cxr_agent.study import FloatImage

_EVEN = 0.5


@dataclass(frozen=True, slots=True)
class Repeat:
    """One way to alter a film."""

    gamma: float = 1.0
    """Above 1 darkens."""
    zoom: float = 1.0
    """Below 1 the film covers less of the tile."""
    turn_deg: float = 0.0
    mirrored: bool = False

    def tile(
        self, small: FloatImage, placement: Placement, tile: FloatImage | None = None
    ) -> FloatImage:
        """The altered copy as a tile.

        Parameters
        ----------
        small
            The film as it lies on its tile, in [0, 1]; see :func:`~cxr_agent.models.tile.content`.
        tile
            Where to put it, (size, size); a new one by default.
        """
        other = self._placement(placement)
        return framed(resized(self._altered(small), other.rows, other.columns), other, tile)

    def copy(self, small: FloatImage, placement: Placement) -> FloatImage:
        """The altered copy as a film of its own: (rows, columns) of the placement, in [0, 1].

        For networks that are not shown a tile. What a zoom below 1 uncovers is black; a zoom above
        1 has no copy.
        """
        other = self._placement(placement)
        top, left = other.top - placement.top, other.left - placement.left
        film = np.zeros((placement.rows, placement.columns), dtype=np.float32)
        film[top : top + other.rows, left : left + other.columns] = resized(
            self._altered(small), other.rows, other.columns
        )
        return film

    def outlines(
        self, probabilities: FloatImage, names: Sequence[str], placement: Placement
    ) -> list[NDArray[np.bool_]]:
        """What was outlined on the copy, brought back: (rows, columns) of the placement each.

        Parameters
        ----------
        probabilities
            (structures, S, S) of the copy's tile.
        names
            Of the structures. On a mirrored copy, right and left changed places.
        """
        other = self._placement(placement)
        rows = slice(other.top, other.top + other.rows)
        columns = slice(other.left, other.left + other.columns)
        order = [names.index(_mirrored(name)) for name in names] if self.mirrored else None
        return [
            self._drawn(self._above(probabilities[index, rows, columns], placement), placement)
            for index in order or range(len(names))
        ]

    def _drawn(self, above: Drawn | None, placement: Placement) -> NDArray[np.bool_]:
        """The largest part of what was outlined; what was mirrored is mirrored back."""
        plane = np.zeros((placement.rows, placement.columns), dtype=np.bool_)
        if above is not None:
            # Last of all, when a pixel takes a byte and not four, and only where there are any.
            turn = slice(None, None, -1 if self.mirrored else 1)
            part = largest_part(np.ascontiguousarray(above.within[:, turn]))
            plane[:, turn][above.box] = part[:, turn]
        return plane

    def _above(self, plane: FloatImage, placement: Placement) -> Drawn | None:
        """Where a structure's plane is above a half once it is enlarged and turned back.

        What is still mirrored was turned the other way.
        """
        if self.turn_deg:
            whole = resized(plane, placement.rows, placement.columns)
            return _turned_above(whole, self.turn_deg if self.mirrored else -self.turn_deg)
        return resized_above(plane, placement.rows, placement.columns, _EVEN)

    def _altered(self, small: FloatImage) -> FloatImage:
        plane = small if self.gamma == 1 else small**self.gamma
        plane = np.asarray(plane, dtype=np.float32)
        if self.turn_deg:
            plane = _turned(plane, self.turn_deg)
        return np.ascontiguousarray(plane[:, ::-1] if self.mirrored else plane)

    def _placement(self, placement: Placement) -> Placement:
        rows = max(1, round(placement.rows * self.zoom))
        columns = max(1, round(placement.columns * self.zoom))
        return replace(
            placement,
            rows=rows,
            columns=columns,
            top=(placement.size - rows) // 2,
            left=(placement.size - columns) // 2,
        )


REPEATS: Final = (
    Repeat(mirrored=True),
    Repeat(gamma=0.8),
    Repeat(gamma=1.25),
    Repeat(zoom=0.9),
    Repeat(turn_deg=3),
    Repeat(turn_deg=-3),
)
"""Mild enough that a reader would draw the same outline on each."""


def _turned(plane: FloatImage, degrees: float) -> FloatImage:
    picture = PillowImage.fromarray(np.ascontiguousarray(plane))
    return np.asarray(picture.rotate(degrees, PillowImage.Resampling.BILINEAR), dtype=np.float32)


def _turned_above(plane: FloatImage, degrees: float) -> Drawn | None:
    """Where ``_turned(plane, degrees)`` is above a half, worked out around what can get there."""
    box = box_around(plane > _EVEN)
    if box is None:
        return None
    height, width = plane.shape
    # From the middle, about which it is turned.
    far_down = max(height / 2 - box[0].start, box[0].stop - height / 2)
    far_across = max(width / 2 - box[1].start, box[1].stop - width / 2)
    sine, less = math.sin(math.radians(abs(degrees))), 1 - math.cos(math.radians(degrees))
    rows = _widened(box[0], far_across * sine + far_down * less, height)
    columns = _widened(box[1], far_down * sine + far_across * less, width)
    picture = PillowImage.fromarray(np.ascontiguousarray(plane[rows, columns]))
    turned = picture.rotate(
        degrees,
        PillowImage.Resampling.BILINEAR,
        center=(width / 2 - columns.start, height / 2 - rows.start),
    )
    return Drawn((rows, columns), np.asarray(turned) > _EVEN)


def _widened(side: slice, moved: float, length: int) -> slice:
    """The pixels of a side that what lies on some of them may weigh with once it has moved."""
    margin = BESIDE + math.ceil(moved)
    return slice(max(0, side.start - margin), min(length, side.stop + margin))


def _mirrored(name: str) -> str:
    return structures()[name].mirrored or name
