"""A CT thorax made of ellipsoids, whose silhouettes on a film are known in closed form.

It is a test object for projection, masks and registration, not a likeness: lungs, heart, spine,
ribs, clavicles and trachea are where they should be and as dense as they should be, nothing more.

References
----------
Hartley and Zisserman, Multiple View Geometry, 8.3: a quadric's outline in a picture is the conic
whose dual is the projected dual quadric.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.synthesis.geometry import Projection
from cxr_agent.synthesis.volume import AIR_HU, Volume

Grid = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
Inside = NDArray[np.bool_]
Triple = tuple[float, float, float]

_SIZE_MM: Final = (400.0, 300.0, 400.0)
_TISSUE_HU: Final = 40
_LUNG_HU: Final = -850
_HEART_HU: Final = 45
_BONE_HU: Final = 450
_SPONGY_HU: Final = 250


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """Axes along LPS, in mm."""

    centre: Triple
    half: Triple

    def inside(self, grid: Grid, scale: float = 1.0) -> Inside:
        """Where the grid's points lie inside, with the half axes scaled."""
        x, y, z = (
            ((axis - middle) / (scale * half)) ** 2
            for axis, middle, half in zip(grid, self.centre, self.half, strict=True)
        )
        found: Inside = x + y + z < 1
        return found

    def box(self, projection: Projection) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the silhouette in continuous film pixels, exact."""
        turned = projection.pose.rotation
        shape = turned @ np.diag(np.square(self.half)) @ turned.T
        middle = np.array(self.centre) - np.array(projection.isocentre)
        seen = turned @ middle + projection.pose.shift - projection.source
        dual = np.outer(seen, seen) - shape
        ray, across, down = projection.axes
        left, right = _tangents(dual, ray, across)
        top, bottom = _tangents(dual, ray, down)
        scale = projection.source_detector_mm / projection.pixel_mm
        x, y = projection.columns / 2, projection.rows / 2
        return left * scale + x, top * scale + y, right * scale + x, bottom * scale + y


def _tangents(
    dual: NDArray[np.float64], ray: NDArray[np.float64], along: NDArray[np.float64]
) -> tuple[float, float]:
    """Slopes, against the central ray, of the two planes through the source that touch."""
    square, linear, constant = ray @ dual @ ray, along @ dual @ ray, along @ dual @ along
    reach = np.sqrt(linear**2 - square * constant)
    return float((linear - reach) / square), float((linear + reach) / square)


@dataclass(frozen=True, slots=True)
class ThoraxSpec:
    """What may differ between thoraces; lengths in mm."""

    heart_half_width: float = 62.0
    heart_left: float = 25.0
    """Of the heart's middle, from the midline to the patient's left."""
    lung_half_width: float = 54.0
    lung_apart: float = 76.0
    """From the midline to the middle of each lung."""
    spine_left: float = 0.0

    @property
    def lungs(self) -> dict[str, Ellipsoid]:
        half = (self.lung_half_width, 80.0, 125.0)
        return {
            "right_lung": Ellipsoid((-self.lung_apart, 0.0, 0.0), half),
            "left_lung": Ellipsoid((self.lung_apart, 0.0, 0.0), half),
        }

    @property
    def heart(self) -> Ellipsoid:
        return Ellipsoid((self.heart_left, -30.0, -50.0), (self.heart_half_width, 45.0, 55.0))


@dataclass(frozen=True, slots=True, eq=False)
class Thorax:
    """A drawn volume and its truth."""

    volume: Volume
    ellipsoids: dict[str, Ellipsoid]
    """What bounds ``heart``, ``right_lung`` and ``left_lung`` at the sides."""
    landmarks: dict[str, Triple] = field(default_factory=dict)
    """LPS in mm."""

    def ratio(self, projection: Projection) -> float:
        """The cardiothoracic ratio on a film, from the silhouettes of the ellipsoids."""
        boxes = {name: one.box(projection) for name, one in self.ellipsoids.items()}
        heart, right, left = boxes["heart"], boxes["right_lung"], boxes["left_lung"]
        thorax = max(right[2], left[2]) - min(right[0], left[0])
        return (heart[2] - heart[0]) / thorax


def thorax(spec: ThoraxSpec | None = None, size: int = 128) -> Thorax:
    """Draw ``spec`` in ``size`` voxels along each axis, with its labels."""
    spec = spec or ThoraxSpec()
    spacing = np.array(_SIZE_MM) / size
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -spacing * (size - 1) / 2
    axes = (affine[axis, 3] + spacing[axis] * np.arange(size) for axis in range(3))
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    labels = _labels(spec, (x, y, z))
    hu = _filled(spec, (x, y, z), labels)
    return Thorax(
        Volume(hu, affine, labels),
        {**spec.lungs, "heart": spec.heart},
        _landmarks(spec),
    )


def _labels(spec: ThoraxSpec, grid: Grid) -> dict[str, Inside]:
    x, y, z = grid
    heart = spec.heart.inside(grid)
    beside = ((x - spec.spine_left) / 20) ** 2 + ((y - 62) / 18) ** 2 < 1
    found: dict[str, Inside] = {"heart": heart}
    for name, lung in spec.lungs.items():
        side = -1.0 if name == "right_lung" else 1.0
        dome = Ellipsoid((side * spec.lung_apart, 0.0, -140.0), (72.0, 88.0, 62.0))
        found[name] = lung.inside(grid) & ~heart & ~dome.inside(grid) & ~beside
    spine = beside & (np.mod(z + 200, 27) > 4)
    found["spine"] = np.broadcast_to(spine, heart.shape).copy()
    windpipe = (x**2 + (y - 20) ** 2 < 8**2) & (z > 45)
    found["trachea"] = np.broadcast_to(windpipe, heart.shape).copy()
    for name, side in (("right_clavicle", -1.0), ("left_clavicle", 1.0)):
        found[name] = _capsule(grid, _medial_end(side), (side * 125.0, -30.0, 138.0), 6.0)
    return found


def _medial_end(side: float) -> Triple:
    return side * 22.0, -72.0, 112.0


def _filled(spec: ThoraxSpec, grid: Grid, labels: dict[str, Inside]) -> NDArray[np.int16]:
    x, y, z = grid
    shoulder = np.clip((z - 135) / 60, 0, 1)
    wide, deep = 172 - 105 * shoulder**2, 112 - 45 * shoulder**2
    body = (np.abs(x) / wide) ** 2.5 + (np.abs(y) / deep) ** 2.5 < 1
    hu = np.where(body, _TISSUE_HU, AIR_HU).astype(np.int16)
    band = np.mod(z - 0.35 * y + 300, 27) < 9
    for lung in spec.lungs.values():
        cage = lung.inside(grid, 1.15) & ~lung.inside(grid, 1.08) & band & (np.abs(x) > 24)
        hu[cage & (z > -110)] = _BONE_HU
    for name in ("right_lung", "left_lung"):
        hu[labels[name]] = _LUNG_HU
    hu[labels["heart"]] = _HEART_HU
    hu[labels["spine"]] = _SPONGY_HU
    hu[labels["trachea"]] = AIR_HU
    for name in ("right_clavicle", "left_clavicle"):
        hu[labels[name]] = _BONE_HU
    return hu


def _capsule(grid: Grid, start: Triple, end: Triple, radius: float) -> Inside:
    direction = np.subtract(end, start)
    length = float(direction @ direction)
    along = sum(
        (axis - first) * step for axis, first, step in zip(grid, start, direction, strict=True)
    )
    share = np.clip(along / length, 0, 1)
    apart = sum(
        (axis - first - share * step) ** 2
        for axis, first, step in zip(grid, start, direction, strict=True)
    )
    near: Inside = np.asarray(apart) < radius**2
    return near


def _landmarks(spec: ThoraxSpec) -> dict[str, Triple]:
    """Points spread over the chest: middles and poles of the ellipsoids, ends of the clavicles."""
    found: dict[str, Triple] = {}
    for name, one in {**spec.lungs, "heart": spec.heart}.items():
        (x, y, z), (a, b, c) = one.centre, one.half
        found |= {name: one.centre, f"{name}_top": (x, y, z + c), f"{name}_front": (x, y - b, z)}
        found |= {f"{name}_side": (x + (a if x > 0 else -a), y, z)}
    found |= {"right_clavicle": _medial_end(-1.0), "left_clavicle": _medial_end(1.0)}
    found |= {f"spine_{z:+d}": (spec.spine_left, 62.0, float(z)) for z in (-120, 0, 120)}
    return found
