"""Where one film is denser than the other, whatever their exposures.

Films of two exposures have no common scale of greys. Each grey of one film is held against the
grey that the other film has, in the median, where the first has it: most of a thorax does not
change, so that the median is blind to what did (joint-histogram intensity mapping, as in Guimond
et al., IEEE TMI 2001;20:58-69). What is left is the difference, in ranks among the film's greys:
no window, gamma or other monotone change of either film moves it. A change that takes in more
than half of all places of one grey cannot be told from one of exposure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_agent.compare.affine import LUNGS, Affine, Frame, Plane, frame_over, mask_in
from cxr_agent.evidence import Location
from cxr_agent.measure.blocks import block_means
from cxr_agent.measure.extent import BoolMask
from cxr_agent.measure.zones import lung_zones
from cxr_agent.study import FloatImage

_WIDTH: Final = 256
"""Cells over the thorax."""
_SMOOTH: Final = 2.5
"""Cells over which greys are averaged: outlines fit no better than that."""
_BINS: Final = 24
_LEAST: Final = 64
"""Cells of a zone below which nothing is said of it."""
_ZONES: Final = {"upper": "upper lung zone", "mid": "mid lung zone", "lower": "lower lung zone"}


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """Two films in one frame."""

    frame: Frame
    """Over the fixed film."""
    plane: Plane
    """Rank of the fixed film's grey minus that of the moving one's, in [-1, 1]; NaN beyond either
    film."""
    zones: Mapping[Location, BoolMask]
    """The zones of both films' lungs together, without either heart, in the frame."""

    def change(self, zone: Location) -> float | None:
        """By how much the zone is denser on the fixed film: the median; None of too small a one."""
        values = self.plane[self.zones[zone]] if zone in self.zones else np.zeros(0)
        values = values[np.isfinite(values)]
        return float(np.median(values)) if values.size >= _LEAST else None


def difference(
    fixed: FloatImage,
    moving: FloatImage,
    fixed_masks: Mapping[str, BoolMask],
    moving_masks: Mapping[str, BoolMask],
    to_moving: Affine,
    bend: Callable[[Plane, Plane], Plane] | None = None,
) -> Difference:
    """Hold two films against each other.

    Exchanging the films' greys exchanges the sign of all that comes out.

    Parameters
    ----------
    fixed, moving
        (rows, columns) in [0, 1], bone white.
    fixed_masks, moving_masks
        ``right_lung``, ``left_lung``, and ``heart`` where there is one, of each film's size.
    to_moving
        From pixels of the fixed film to those of the moving one.
    bend
        Brings the moving film's greys in the frame, the second, onto those of the fixed one.
    """
    frame = frame_over(fixed_masks, _WIDTH)
    across = to_moving.after(frame.to_film)
    one = _greys(fixed, frame, frame.to_film)
    other = _greys(moving, frame, across)
    if bend is not None:
        other = bend(one, other)
    seen = np.isfinite(one) & np.isfinite(other)
    plane = np.full(frame.shape, np.nan)
    if seen.any():
        ranks, others = _ranks(one[seen]), _ranks(other[seen])
        plane[seen] = (_beyond(ranks, others) - _beyond(others, ranks)) / 2
    zones = _zones(
        {
            name: mask_in(frame, mask, frame.to_film) | mask_in(frame, moving_masks[name], across)
            for name, mask in fixed_masks.items()
            if name in moving_masks
        }
    )
    return Difference(frame, plane, zones)


def _greys(pixels: FloatImage, frame: Frame, to_film: Affine) -> Plane:
    """A film's greys in the frame, averaged; NaN beyond the film."""
    from scipy import ndimage

    rows, columns = pixels.shape
    x, y = to_film.points(*frame.cells)
    block = max(1, round(to_film.scale))
    small = block_means(pixels, block)
    places = np.stack([y / block - 0.5, x / block - 0.5])
    found: Plane = ndimage.map_coordinates(
        small.astype(np.float64), places, order=1, mode="nearest"
    )
    found = ndimage.gaussian_filter(found, _SMOOTH)
    found[(x < 0) | (x >= columns) | (y < 0) | (y >= rows)] = np.nan
    return found


def _ranks(greys: Plane) -> Plane:
    """From 0 to 1; equal greys share the middle of their ranks."""
    _, place, counts = np.unique(greys, return_inverse=True, return_counts=True)
    ranks: Plane = ((np.cumsum(counts) - counts / 2) / place.size)[place]
    return ranks


def _beyond(ranks: Plane, others: Plane) -> Plane:
    """How far each rank lies above the median rank of places with the same rank in the other."""
    order = np.argsort(others, kind="stable")
    parts = np.array_split(order, min(_BINS, order.size))
    middles = np.array([np.median(others[part]) for part in parts])
    usual = np.maximum.accumulate([np.median(ranks[part]) for part in parts])
    beyond: Plane = ranks - np.interp(others, middles, usual)
    return beyond


def _zones(masks: Mapping[str, BoolMask]) -> dict[Location, BoolMask]:
    heart = masks.get("heart")
    zones: dict[Location, BoolMask] = {}
    for lung in LUNGS:
        side = lung.split("_")[0]
        for name, zone in lung_zones(masks[lung]).items():
            zones[Location(f"{side} {_ZONES[name]}")] = zone if heart is None else zone & ~heart
    return zones
