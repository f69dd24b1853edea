"""The film: greys over the masks of lungs, heart, clavicles and all further structures.

Everything is drawn from a few numbers in a unit frame (x to the right of the picture, y down,
both in [0, 1]), so the masks and the cardiothoracic ratio are known by construction. It is a
test object and the film of ``make demo``; it is not meant to fool anyone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cxr_agent.testing.phantom.further import further_structures
from cxr_agent.testing.phantom.shapes import floor_at, heart_centre, wall_at
from cxr_agent.testing.phantom.spec import PhantomSpec
from cxr_agent.testing.phantom.truth import true_values

FloatImage = NDArray[np.float32]
Mask = NDArray[np.bool_]

STRUCTURES = ("right_lung", "left_lung", "heart", "left_clavicle", "right_clavicle")


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A drawn film: ``pixels`` (size, size) float32 in [0, 1], bone white, and its truth."""

    pixels: FloatImage
    masks: dict[str, Mask]
    """(size, size) bool by structure of ``kb/structures.toml``."""
    truth: dict[str, float]
    """True values by measurement id, from the numbers that the film was drawn from."""

    @property
    def ctr(self) -> float:
        """Heart's bounding-box width over the width of both lungs' bounding box."""
        return _extent(self.masks["heart"]) / _extent(
            self.masks["right_lung"] | self.masks["left_lung"]
        )


def _extent(mask: Mask) -> int:
    columns = np.flatnonzero(mask.any(axis=0))
    return int(columns[-1] - columns[0] + 1)


def random_spec(rng: np.random.Generator) -> PhantomSpec:
    """A plausible adult chest, drawn at random."""
    return PhantomSpec(
        cardiothoracic_ratio=float(rng.uniform(0.36, 0.68)),
        thorax_width=float(rng.uniform(0.62, 0.92)),
        apex_y=float(rng.uniform(0.05, 0.18)),
        base_y=float(rng.uniform(0.62, 0.88)),
        tilt_deg=float(rng.normal(0, 3)),
        exposure=float(np.exp(rng.normal(0, 0.25))),
        noise=float(rng.uniform(0.0, 0.03)),
        blur_px=float(rng.uniform(0.5, 2.0)),
        rib_contrast=float(rng.uniform(0.02, 0.12)),
        lung_level=float(rng.uniform(0.12, 0.4)),
        heart_shift=float(rng.uniform(0.0, 0.09)),
        spine_shift=float(rng.uniform(-0.03, 0.03)),
        trachea_width=float(rng.uniform(0.035, 0.06)),
        trachea_shift=float(rng.uniform(-0.06, 0.06)),
        carina_angle_deg=float(rng.uniform(42, 100)),
        knob_ratio=float(rng.uniform(1.2, 3.5)),
        ascending_share=float(rng.uniform(0.0, 0.28)),
        descending_ratio=float(rng.uniform(1.0, 3.2)),
        tortuosity=float(rng.uniform(0.0, 0.03)),
        mediastinal_ratio=float(rng.uniform(0.15, 0.4)),
        rib_on_diaphragm=int(rng.integers(6, 12)),
        scapula_overlap_right=float(rng.uniform(0.1, 0.9)),
        scapula_overlap_left=float(rng.uniform(0.1, 0.9)),
        seed=int(rng.integers(1 << 31)),
    )


def draw(spec: PhantomSpec | None = None, size: int = 512) -> Phantom:
    """Draw ``spec`` on a ``size`` x ``size`` grid. The same spec gives the same film."""
    spec = spec or PhantomSpec()
    rng = np.random.default_rng(spec.seed)
    x, y = _grid(size, spec.tilt_deg)
    masks = _anatomy(spec, x, y) | further_structures(spec, x, y)
    film = _shade(spec, x, y, masks, rng)
    film = ndimage.gaussian_filter(film, spec.blur_px * size / 512)
    film = np.clip(film, 0, 1) ** spec.exposure
    film = film + rng.normal(0, spec.noise, film.shape)
    return Phantom(np.clip(film, 0, 1).astype(np.float32), masks, true_values(spec))


def _grid(size: int, tilt_deg: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit coordinates of pixel centres, turned about the middle of the picture."""
    axis = (np.arange(size) + 0.5) / size - 0.5
    x, y = np.meshgrid(axis, axis)
    angle = np.deg2rad(tilt_deg)
    return (
        0.5 + x * np.cos(angle) + y * np.sin(angle),
        0.5 - x * np.sin(angle) + y * np.cos(angle),
    )


def _anatomy(spec: PhantomSpec, x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, Mask]:
    half = spec.thorax_width / 2
    height = spec.base_y - spec.apex_y
    depth = (y - spec.apex_y) / height  # 0 at the apices, 1 at the lateral bases
    side = x - 0.5
    wall = wall_at(spec, y)
    medial = 0.035 + 0.05 * np.clip(depth, 0, 1) + 0.06 * np.clip(0.18 - depth, 0, 1)
    floor = floor_at(spec, x, y)
    within = (depth > 0) & (np.abs(side) < wall) & (np.abs(side) > medial) & (y < floor)

    width = spec.cardiothoracic_ratio * spec.thorax_width
    heart_x, heart_y = heart_centre(spec)
    u, v = (x - heart_x) / (width / 2), (y - heart_y) / (0.23 * height)
    # An egg whose blunt end points down to the patient's left.
    heart = (u**2 + (v * (1 + 0.22 * u)) ** 2) < 1

    shaft = spec.apex_y + 0.10 * height - 0.14 * (np.abs(side) - 0.04) + 0.35 * side**2
    clavicle = (
        (np.abs(y - shaft) < 0.016)
        & (np.abs(side) > 0.045)
        & (np.abs(side) < np.maximum(wall, 0.6 * half) + 0.01)
        & (np.abs(side) < 0.78 * half)
    )
    return {
        "right_lung": within & (side < 0) & ~heart,
        "left_lung": within & (side > 0) & ~heart,
        "heart": heart,
        "left_clavicle": clavicle & (side > 0),
        "right_clavicle": clavicle & (side < 0),
    }


def _shade(
    spec: PhantomSpec,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    masks: dict[str, Mask],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    half = spec.thorax_width / 2
    side = x - 0.5
    trunk = np.abs(side) < half + 0.075 - 0.35 * np.clip(spec.apex_y + 0.06 - y, 0, 1)
    shoulder = y > spec.apex_y - 0.09 + 1.2 * np.clip(np.abs(side) - 0.16, 0, 1) ** 1.6
    neck = np.abs(side) < 0.13
    film = np.where((trunk & shoulder) | (neck & (y < spec.apex_y + 0.1)), 0.58, 0.02)
    film = np.where((y > spec.base_y - 0.1) & trunk, 0.70, film)
    lungs = masks["right_lung"] | masks["left_lung"]
    film = np.where(lungs, spec.lung_level, film)
    film = np.where(masks["heart"], 0.72, film)
    film += 0.16 * np.exp(-((side / 0.045) ** 2))  # spine and mediastinum
    film += 0.03 * np.exp(-((side / 0.045) ** 2)) * (np.sin(y * 2 * np.pi / 0.055) > 0)
    film -= 0.10 * np.exp(-((side / 0.016) ** 2)) * (y < spec.apex_y + 0.30)  # trachea
    film += 0.14 * np.exp(
        -(((x - 0.565) / 0.035) ** 2) - ((y - spec.apex_y - 0.22) / 0.05) ** 2
    )  # aortic knob
    for bubble in rng.uniform(-0.06, 0.06, (2, 2)):
        gas = ((x - 0.66 - bubble[0]) / 0.06) ** 2 + (
            (y - spec.base_y - 0.09 - bubble[1]) / 0.03
        ) ** 2
        film -= 0.16 * np.exp(-(gas**2))
    chest = trunk & (y > spec.apex_y) & (y < spec.base_y + 0.05)
    film += chest * spec.rib_contrast * _ribs(spec, side, y)
    for which in ("left_clavicle", "right_clavicle"):
        film += 0.13 * masks[which]
    film += lungs * _vessels(x, y, rng)
    return film


def _ribs(
    spec: PhantomSpec, side: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Posterior ribs fall, anterior ribs rise towards the midline."""
    spacing = (spec.base_y - spec.apex_y) / 8.5
    posterior = np.sin(2 * np.pi * (y - 0.25 * np.abs(side) + 0.6 * side**2) / spacing)
    anterior = np.sin(2 * np.pi * (y + 0.55 * np.abs(side)) / (1.25 * spacing))
    return (posterior > 0.45) * 1.0 + 0.5 * (anterior > 0.6)


def _vessels(
    x: NDArray[np.float64], y: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Branches that fan out from both hila and fade."""
    film = np.zeros_like(x)
    for hilum_x in (0.43, 0.57):
        dx, dy = x - hilum_x, y - 0.45
        radius = np.hypot(dx, dy) + 1e-6
        for angle in rng.uniform(0, 2 * np.pi, 14):
            off = np.abs(np.cos(angle) * dy - np.sin(angle) * dx)
            ahead = np.cos(angle) * dx + np.sin(angle) * dy > 0
            film += 0.10 * ahead * np.exp(-((off / 0.005) ** 2) - radius / 0.22)
        film += 0.12 * np.exp(-((radius / 0.05) ** 2))
    return film
