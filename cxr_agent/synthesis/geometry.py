"""Where source, patient and detector stand: a pinhole with known pose.

The patient is turned and moved about the isocentre; source and detector stay. With no rotation
and no translation the patient stands straight, the isocentre on the central ray.

References
----------
DICOM PS3.3 C.8.7.5 (Distance Source to Detector, Distance Source to Patient, Estimated
Radiographic Magnification Factor).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import UsageError
from cxr_agent.synthesis.volume import Points, Volume

Matrix = NDArray[np.float64]

MIN_DETECTOR_PX: Final = 64
MAX_DETECTOR_PX: Final = 4096
MAX_ROTATION_DEG: Final = 60.0


class Beam(StrEnum):
    """From where to where the rays go."""

    PA = "PA"
    AP = "AP"
    LATERAL = "LATERAL"
    """Left lateral: the patient's left side at the detector."""


_AXES: Final[dict[Beam, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    # Direction of the central ray, and of a detector row, in LPS. Rows go to the feet.
    Beam.PA: ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0)),
    Beam.AP: ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
    Beam.LATERAL: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
}
_DOWN: Final = (0.0, 0.0, -1.0)
SOURCE_DETECTOR_MM: Final = {Beam.PA: 1800.0, Beam.AP: 1000.0, Beam.LATERAL: 1800.0}
"""Usual distances: upright at a wall stand, and at the bedside."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How the patient stands: turned about the isocentre, then moved.

    Angles are in degrees about the axes of the room (LPS of the straight patient), applied in the
    order pitch, roll, yaw; each turns counter-clockwise as seen against its axis.
    """

    yaw_deg: float = 0.0
    """About the long axis (towards the head): what a reader calls rotation."""
    pitch_deg: float = 0.0
    """About the axis to the left: leaning forwards or backwards, as in a lordotic film."""
    roll_deg: float = 0.0
    """About the axis to the back: tilted in the plane of the film."""
    left_mm: float = 0.0
    back_mm: float = 0.0
    head_mm: float = 0.0

    @property
    def vector(self) -> Points:
        """(6,) degrees, then millimetres."""
        return np.array(list(asdict(self).values()), dtype=np.float64)

    @classmethod
    def of(cls, vector: Points) -> Pose:
        """The pose of a vector as :attr:`vector`."""
        return cls(*(float(number) for number in vector))

    @property
    def rotation(self) -> Matrix:
        """(3, 3), from the straight patient to the turned one."""
        yaw, pitch, roll = np.deg2rad([self.yaw_deg, self.pitch_deg, self.roll_deg])
        cy, sy, cp, sp, cr, sr = *_cos_sin(yaw), *_cos_sin(pitch), *_cos_sin(roll)
        about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
        about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        about_y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
        turned: Matrix = about_z @ about_y @ about_x
        return turned

    @property
    def shift(self) -> Points:
        """(3,) mm in LPS."""
        return np.array([self.left_mm, self.back_mm, self.head_mm])


def _cos_sin(angle: float) -> tuple[float, float]:
    return float(np.cos(angle)), float(np.sin(angle))


@dataclass(frozen=True, slots=True)
class Projection:
    """Source, detector and pose.

    Raises
    ------
    UsageError
        ``bad_geometry``.
    """

    beam: Beam = Beam.PA
    isocentre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """LPS of the CT, in mm: the point about which the pose turns the patient."""
    pose: Pose = field(default_factory=Pose)
    source_detector_mm: float = 1800.0
    isocentre_detector_mm: float = 150.0
    rows: int = 512
    columns: int = 512
    pixel_mm: float = 430.0 / 512
    """Distance between pixel centres at the detector."""

    def __post_init__(self) -> None:
        numbers = (*self.pose.vector, *self.isocentre, self.pixel_mm, self.source_detector_mm)
        finite = bool(np.isfinite([*numbers, self.isocentre_detector_mm]).all())
        sizes = all(MIN_DETECTOR_PX <= n <= MAX_DETECTOR_PX for n in (self.rows, self.columns))
        turns = bool((np.abs(self.pose.vector[:3]) <= MAX_ROTATION_DEG).all())
        if not finite or not sizes or not turns or not 0.05 <= self.pixel_mm <= 10:
            raise _bad_geometry("64 to 4,096 pixels of 0.05 to 10 mm, and angles up to 60 degrees")
        if not 500 <= self.source_detector_mm <= 5000:
            raise _bad_geometry("a source 500 to 5,000 mm from the detector")
        if not 0 <= self.isocentre_detector_mm <= self.source_detector_mm - 300:
            raise _bad_geometry("the patient at least 300 mm from the source")

    @property
    def magnification(self) -> float:
        """Of what lies at the isocentre's depth, parallel to the detector, in the given pose."""
        ray, _, _ = self.axes
        depth = self.source_detector_mm - self.isocentre_detector_mm
        return self.source_detector_mm / (depth + float(ray @ self.pose.shift))

    @property
    def axes(self) -> tuple[Points, Points, Points]:
        """Unit vectors of the central ray, a detector row and a detector column."""
        ray, across = _AXES[self.beam]
        return np.array(ray), np.array(across), np.array(_DOWN)

    @property
    def source(self) -> Points:
        """(3,) in the frame whose origin is the isocentre of the unmoved patient."""
        return -self.axes[0] * (self.source_detector_mm - self.isocentre_detector_mm)

    def pixel_centres(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Points:
        """(rows, columns, 3) of some of the detector's pixels, in the frame of :attr:`source`."""
        ray, across, down = self.axes
        x = (columns - (self.columns - 1) / 2) * self.pixel_mm
        y = (rows - (self.rows - 1) / 2) * self.pixel_mm
        plane: Points = (
            ray * self.isocentre_detector_mm + x[None, :, None] * across + y[:, None, None] * down
        )
        return plane

    def project(self, points: Points) -> Points:
        """Where points of the CT (n, 3) in LPS fall: (n, 2) x and y in continuous film pixels.

        As everywhere in this program, pixel i covers i to i + 1.
        """
        ray, across, down = self.axes
        seen = self._seen(points)
        scale = self.source_detector_mm / (seen @ ray) / self.pixel_mm
        x = seen @ across * scale + self.columns / 2
        y = seen @ down * scale + self.rows / 2
        return np.stack([x, y], axis=-1)

    def depths(self, points: Points) -> Points:
        """(n,) distances of points of the CT from the source along the central ray, in mm."""
        return self._seen(points) @ self.axes[0]

    def _seen(self, points: Points) -> Points:
        """Points of the CT in the room, from the source."""
        turned = (points - np.array(self.isocentre)) @ self.pose.rotation.T
        seen: Points = turned + self.pose.shift - self.source
        return seen

    def into_patient(self, points: Points) -> Points:
        """Points of the room (..., 3) as points of the CT in LPS."""
        back: Points = (points - self.pose.shift) @ self.pose.rotation + np.array(self.isocentre)
        return back


def standing(
    volume: Volume,
    beam: Beam = Beam.PA,
    pose: Pose | None = None,
    *,
    source_detector_mm: float | None = None,
    isocentre_detector_mm: float | None = None,
    detector_mm: float = 430.0,
    size: int = 512,
) -> Projection:
    """The projection of a volume whose middle is the isocentre, on a square detector."""
    extent = np.abs(volume.affine[:3, :3]) @ np.array(volume.hu.shape)
    ray = np.abs(np.array(_AXES[beam][0]))
    half = float(ray @ extent) / 2
    x, y, z = (float(number) for number in volume.centre)
    return Projection(
        beam=beam,
        isocentre=(x, y, z),
        pose=pose or Pose(),
        source_detector_mm=source_detector_mm or SOURCE_DETECTOR_MM[beam],
        # The near side of the volume touches the detector where nothing else is said.
        isocentre_detector_mm=half if isocentre_detector_mm is None else isocentre_detector_mm,
        rows=size,
        columns=size,
        pixel_mm=detector_mm / size,
    )


def _bad_geometry(bounds: str) -> UsageError:
    return UsageError("bad_geometry", "such a projection is not made", hint=f"Allowed: {bounds}.")
