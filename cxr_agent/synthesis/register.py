"""The pose in which a volume gives a film: 2D/3D registration, from coarse to fine.

From several starts, Gauss-Newton steps lower the difference between the film and the projection
of the volume, where greys and their gradients count and the film's tone curve does not. The best
two go on to finer grids. Where they do not end in the same pose, or the film is not explained,
the answer is that none was found.

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
from cxr_agent.synthesis.geometry import MAX_ROTATION_DEG, Pose, Projection
from cxr_agent.synthesis.likeness import Level, level_of
from cxr_agent.synthesis.volume import Points, Volume

_STEPS: Final = np.array([0.4, 0.4, 0.4, 0.8, 4.0, 0.8])
"""Of numerical derivatives: degrees, then millimetres. Depth hardly changes a film."""
_SCALE: Final = np.array([5.0, 5.0, 5.0, 10.0, 40.0, 10.0])
_MOST: Final = np.array([45.0, 45.0, 45.0, 150.0, 150.0, 150.0])
_ROWS: Final = (64, 128, 192)
_ITERATIONS: Final = (12, 10, 6)
_KEPT: Final = 2
_YAWS: Final = (0.0, -12.0, 12.0)
_PITCHES: Final = (0.0, -10.0, 10.0)

LEAST_CORRELATION: Final = 0.97
LEAST_GRADIENT_CORRELATION: Final = 0.75
MOST_APART_MM: Final = 2.0
"""Between where the two best poses put the corners of the volume on the film."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What came of a registration."""

    pose: Pose
    correlation: float
    """Normalised cross-correlation of film and projection on the finest grid."""
    gradient_correlation: float
    apart_mm: float
    """How far the two best starts ended from one another, see :data:`MOST_APART_MM`."""
    doubts: tuple[str, ...]
    """``film_not_explained``, ``starts_disagree``, ``pose_at_bound``; none where it converged."""

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
    places = [pose.vector for pose in starts or around(projection.pose)]
    levels = [level_of(film, volume, projection, rows) for rows in _ROWS]
    found: list[tuple[float, Points]] = []
    for number, (level, most) in enumerate(zip(levels, _ITERATIONS, strict=True)):
        found = sorted((_descended(level, place, most) for place in places), key=lambda f: f[0])
        places = [place for _, place in found[: _KEPT if number + 1 < len(levels) else None]]
    best = Pose.of(places[0])
    greys, gradients = levels[-1].correlations(best)
    other = Pose.of(places[-1])
    apart = reprojection_mm(corners(volume), projection, best, other)
    doubts = []
    if greys < LEAST_CORRELATION or gradients < LEAST_GRADIENT_CORRELATION:
        doubts.append("film_not_explained")
    if apart.max() > MOST_APART_MM:
        doubts.append("starts_disagree")
    if (np.abs(places[0]) > 0.98 * _MOST).any():
        doubts.append("pose_at_bound")
    return Registration(best, greys, gradients, float(apart.max()), tuple(doubts))


def around(pose: Pose) -> list[Pose]:
    """Nine poses about one: turned and leaning both ways."""
    middle = pose.vector
    turned = (middle + [yaw, pitch, 0, 0, 0, 0] for yaw, pitch in product(_YAWS, _PITCHES))
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
        xtol=1e-4,
        ftol=1e-5,
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
    return np.linalg.norm(places[0] - places[1], axis=-1) * mm


def rotation_error_deg(one: Pose, other: Pose) -> float:
    """The angle of the turn between two poses."""
    turn = one.rotation.T @ other.rotation
    return float(np.rad2deg(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))


assert MAX_ROTATION_DEG >= _MOST[:3].max() + _STEPS[:3].max()
