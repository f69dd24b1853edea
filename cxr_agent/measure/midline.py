"""The line down the middle of the patient.

CheXStruct (Lee et al., CXReasonBench, 2025) fits x = m y + b by least squares through the spinous
points of neighbouring vertebrae. Here: through the centres of outlined vertebrae, else of the rows
of the spine, else the middle between the medial borders of the lungs, a proxy that holds at the
height of the clavicles, where little but spine and trachea lies between them. Lower down the aorta
and the heart push it aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.knowledge import members
from cxr_agent.measure.extent import BoolMask, extent_of
from cxr_agent.measure.geometry import Line, NotMeasurable, Point, Scene
from cxr_agent.measure.ranks import median

_FEWEST: Final = 3
_FEWEST_ROWS: Final = 8
_UPPER: Final = 7
"""Vertebrae T1 to T7, as CheXStruct takes."""
_ROWS_SHARE: Final = 0.05
"""Rows above and below a height at which the lungs' borders are looked at, over their height."""


@dataclass(frozen=True, slots=True)
class Midline:
    """``x = slope * y + offset``, and how well it is known."""

    slope: float
    offset: float
    residual: float
    """Largest distance of a point from the line, over the film's width."""
    wander: float
    """Standard deviation of the points' x, over the film's width."""
    points: tuple[Point, ...]
    remarks: tuple[str, ...]

    def x(self, y: float) -> float:
        """Where the line lies at a height."""
        return self.slope * y + self.offset

    def line(self, top: float, bottom: float) -> Line:
        return Line("midline", ((self.x(top), top), (self.x(bottom), bottom)), "midline")


def midline(scene: Scene, top: float, bottom: float) -> Midline:
    """The line between two heights, by the best that was outlined.

    Raises
    ------
    NotMeasurable
        ``midline_unclear``.
    """
    width = scene.shape[1]
    vertebrae = _vertebrae(scene, top, bottom)
    if vertebrae:
        return _fitted(vertebrae, width, ())
    spine = scene.masks.get("spine")
    if spine is not None:
        rows = np.arange(max(0, int(top)), min(scene.shape[0], int(bottom) + 1))
        rows = rows[spine[rows].any(axis=1)]
        if rows.size >= _FEWEST:
            counts = spine[rows].sum(axis=1)
            centres = (spine[rows] * (np.arange(width) + 0.5)).sum(axis=1) / counts
            return _fitted(list(zip(centres, rows + 0.5, strict=True)), width, ())
    return _between_lungs(scene, (top + bottom) / 2)


def _vertebrae(scene: Scene, top: float, bottom: float) -> list[Point]:
    """Centres of those between the heights, or of the three nearest; empty without three.

    They are consecutive and each lies below the one before, as CheXStruct asks: an outline that
    breaks this order is of another vertebra than it says.
    """
    middle = (top + bottom) / 2
    runs = [run for run in _runs(scene) if len(run) >= _FEWEST]
    if not runs:
        return []
    run = min(runs, key=lambda run: min(abs(y - middle) for _, y in run))
    within = [point for point in run if top <= point[1] <= bottom]
    nearest = sorted(run, key=lambda point: abs(point[1] - middle))[:_FEWEST]
    return within if len(within) >= _FEWEST else sorted(nearest, key=lambda point: point[1])


def _runs(scene: Scene) -> list[list[Point]]:
    """Centres of consecutive vertebrae, from the head down."""
    runs: list[list[Point]] = [[]]
    for name in members("vertebrae")[:_UPPER]:
        plane = scene.masks.get(name)
        if plane is None:
            runs.append([])
            continue
        centre = _centre(plane)
        if runs[-1] and centre[1] <= runs[-1][-1][1]:
            runs.append([])
        runs[-1].append(centre)
    return runs


def _centre(plane: BoolMask) -> Point:
    box = extent_of(plane)
    y, x = np.nonzero(plane[box.top : box.bottom, box.left : box.right])
    return float(x.mean()) + box.left + 0.5, float(y.mean()) + box.top + 0.5


def _fitted(points: list[Point], width: int, remarks: tuple[str, ...]) -> Midline:
    x, y = np.array([p[0] for p in points]), np.array([p[1] for p in points])
    slope, offset = _least_squares(y, x)
    residual = np.abs(x - slope * y - offset).max() / width
    ordered = sorted(((float(a), float(b)) for a, b in points), key=lambda point: point[1])
    shown = tuple(ordered[:: max(1, len(ordered) // 7)])
    return Midline(slope, offset, float(residual), float(x.std()) / width, shown, remarks)


def _least_squares(y: NDArray[np.float64], x: NDArray[np.float64]) -> tuple[float, float]:
    around = y - y.mean()
    spread = float((around**2).sum())
    slope = float((around * (x - x.mean())).sum()) / spread if spread else 0.0
    return slope, float(x.mean() - slope * y.mean())


def _between_lungs(scene: Scene, height: float) -> Midline:
    if "right_lung" not in scene.masks or "left_lung" not in scene.masks:
        raise NotMeasurable("midline_unclear")
    right, left = scene.masks["right_lung"], scene.masks["left_lung"]
    one, other = extent_of(right), extent_of(left)
    top, bottom = max(one.top, other.top), min(one.bottom, other.bottom)
    reach = _ROWS_SHARE * (bottom - top)
    last = max(0, min(bottom, int(height + reach) + 1))
    level = slice(max(top, int(height - reach)), last)
    right, left = right[level], left[level]
    both = right.any(axis=1) & left.any(axis=1)
    if np.count_nonzero(both) < _FEWEST_ROWS:
        raise NotMeasurable("midline_unclear")
    inner_right = scene.shape[1] - right[both, ::-1].argmax(axis=1)
    inner_left = left[both].argmax(axis=1)
    x = median((inner_right + inner_left) / 2)
    return Midline(0.0, x, 0.0, 0.0, ((x, height),), ("midline_proxy",))
