"""The pose in which a volume gives a film: 2D/3D registration, from coarse to fine.

From several starts, Gauss-Newton steps lower the difference between the film and the projection
of the volume, where greys and their gradients count and the film's tone curve does not. The best
go on to finer grids. Where another pose explains the film as well, or none explains it, the answer
is that none was found.

References
----------
Gopalakrishnan et al., xvr (2025): pose from a film and the patient's CT through synthetic films.
Roche et al. (1998): the correlation ratio, that asks for a functional relation of greys only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from cxr_agent.study import FloatImage
from cxr_agent.synthesis.geometry import Pose, Projection
from cxr_agent.synthesis.likeness import Level, level_of
from cxr_agent.synthesis.volume import Points, Volume

_STEPS: Final = np.array([0.4, 0.4, 0.4, 0.8, 4.0, 0.8])
"""Of numerical derivatives: degrees, then millimetres. Depth hardly changes a film."""
_SCALE: Final = np.array([5.0, 5.0, 5.0, 10.0, 40.0, 10.0])
_MOST: Final = np.array([45.0, 45.0, 45.0, 150.0, 150.0, 150.0])
_COARSE, _MIDDLE, _FINE = 64, 96, 128
"""Rows of the grids."""
_ITERATIONS: Final = (6, 10, 20)
_KEPT: Final = 2
_YAWS: Final = (0.0, -12.0, 12.0)
_PITCHES: Final = (0.0, -10.0, 10.0)

LEAST_CORRELATION: Final = 0.99
LEAST_GRADIENT_CORRELATION: Final = 0.98
MOST_APART_MM: Final = 3.0
"""Between where two poses put the volume on the film: the same pose, for a search not yet ended."""
_AS_GOOD: Final = 1.5
"""Times the best cost: another pose with less explains the film as well."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What came of a registration."""

    pose: Pose
    correlation: float
    """Normalised cross-correlation of film and projection on the finest grid."""
    gradient_correlation: float
    doubts: tuple[str, ...]
    """``film_not_explained``, ``other_pose_as_good``, ``pose_at_bound``; none where it
    converged."""

    @property
    def converged(self) -> bool:
        return not self.doubts


def register(
    film: FloatImage, volume: Volume, projection: Projection, starts: Sequence[Pose] = ()
) -> Registration:
    """Find the pose.

    Parameters
    ----------
    film
        (rows, columns) in [0, 1], bone white.
    projection
        The known geometry; its pose is where the search begins.
    starts
        Poses to begin from, in place of a grid about the projection's.
    """
    coarse, middle, fine = (
        level_of(film, volume, projection, rows) for rows in (_COARSE, _MIDDLE, _FINE)
    )
    begun = [pose.vector for pose in starts or around(projection.pose)]
    first = _best(coarse, begun, _ITERATIONS[0])[:_KEPT]
    second = _best(middle, [place for _, place in first], _ITERATIONS[1])
    cost, place = _descended(fine, second[0][1], _ITERATIONS[2])
    pose = Pose.of(place)
    greys, gradients = fine.correlations(pose)
    doubts = []
    if greys < LEAST_CORRELATION or gradients < LEAST_GRADIENT_CORRELATION:
        doubts.append("film_not_explained")
    rivals = [other for rival, other in second[1:] if rival < _AS_GOOD * second[0][0]]
    if any(_is_other(fine, rival, cost, pose, corners(volume)) for rival in rivals):
        doubts.append("other_pose_as_good")
    if (np.abs(place) > 0.98 * _MOST).any():
        doubts.append("pose_at_bound")
    return Registration(pose, greys, gradients, tuple(doubts))


def _is_other(level: Level, start: Points, best: float, pose: Pose, seen: Points) -> bool:
    """Whether the search from ``start`` ends in another pose that explains the film as well."""
    cost, place = _descended(level, start, _ITERATIONS[2])
    apart = reprojection_mm(seen, level.projection, pose, Pose.of(place))
    return cost < _AS_GOOD * best and float(apart.max()) > MOST_APART_MM


def _best(level: Level, places: Sequence[Points], most: int) -> list[tuple[float, Points]]:
    """Cost and pose from each start, the best first."""
    return sorted((_descended(level, place, most) for place in places), key=lambda one: one[0])


def around(pose: Pose) -> list[Pose]:
    """Nine poses about one: turned and leaning both ways."""
    middle = pose.vector
    turned = (
        middle + np.array([yaw, pitch, 0, 0, 0, 0]) for yaw, pitch in product(_YAWS, _PITCHES)
    )
    return [Pose.of(np.clip(place, -_MOST, _MOST)) for place in turned]


def _descended(level: Level, start: Points, most: int) -> tuple[float, Points]:
    """Cost and pose after at most ``most`` steps."""

    def residual(place: Points) -> Points:
        return level.residual(Pose.of(place))

    def slopes(place: Points) -> NDArray[np.float64]:
        here = residual(place)
        columns = [
            (residual(place + step * axis) - here) / step
            for step, axis in zip(_STEPS, np.eye(6), strict=True)
        ]
        return np.stack(columns, axis=1)

    inside = 0.999 * _MOST
    done = optimize.least_squares(
        residual,
        np.clip(start, -inside, inside),
        jac=slopes,
        bounds=(-_MOST, _MOST),
        x_scale=_SCALE,
        max_nfev=most,
        xtol=1e-3,
        ftol=1e-4,
    )
    return float(done.cost), np.asarray(done.x, dtype=np.float64)


def corners(volume: Volume) -> Points:
    """(8, 3) LPS of points half-way from the volume's middle to its corners."""
    shape = np.array(volume.hu.shape) - 1
    shares = np.array(list(product((0.25, 0.75), repeat=3)))
    return volume.to_patient(shares * shape)


def reprojection_mm(points: Points, projection: Projection, one: Pose, other: Pose) -> Points:
    """(n,) distance between where two poses put points on the film, in mm at the isocentre."""
    places = [replace(projection, pose=pose).project(points) for pose in (one, other)]
    mm = projection.pixel_mm / projection.magnification
    apart: Points = np.linalg.norm(places[0] - places[1], axis=-1) * mm
    return apart


def rotation_error_deg(one: Pose, other: Pose) -> float:
    """The angle of the turn between two poses."""
    turn = one.rotation.T @ other.rotation
    return float(np.rad2deg(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
