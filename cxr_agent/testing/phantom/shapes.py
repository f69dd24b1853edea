"""Curves that several structures share, in the unit frame: x to the right, y down."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.testing.phantom.spec import PhantomSpec

Plane = NDArray[np.float64]
CLAVICLE_GAP: Final = 0.045
"""From the middle to the medial end of each clavicle."""


def height_of(spec: PhantomSpec) -> float:
    """Of the lungs."""
    return spec.base_y - spec.apex_y


def wall_at(spec: PhantomSpec, y: Plane) -> Plane:
    """Distance of the chest wall from the middle.

    It widens fast below the apices, then stays nearly straight.
    """
    depth = np.clip((y - spec.apex_y) / height_of(spec), 0, 1)
    wall: Plane = spec.thorax_width / 2 * np.clip(1 - (1 - depth) ** 2.6, 0, 1) ** 0.62
    return wall


def floor_at(spec: PhantomSpec, x: Plane, y: Plane) -> Plane:
    """Height of the diaphragm."""
    half, side = spec.thorax_width / 2, x - 0.5
    depth = np.clip((y - spec.apex_y) / height_of(spec), 0, 1)
    medial = 0.035 + 0.05 * depth + 0.06 * np.clip(0.18 - (y - spec.apex_y) / height_of(spec), 0, 1)
    lateral_share = np.clip((np.abs(side) - medial) / (half - 0.05), 0, 1)
    dome = np.where(side < 0, 0.17, 0.13) * (1 - (2 * lateral_share - 0.75) ** 2)
    floor: Plane = spec.base_y - np.clip(dome, 0, None)
    return floor


def heart_centre(spec: PhantomSpec) -> tuple[float, float]:
    return 0.5 + spec.heart_shift, spec.base_y - 0.24 * height_of(spec)


def heart_right(spec: PhantomSpec) -> tuple[float, float]:
    """The right-most point of the heart."""
    x, y = heart_centre(spec)
    return x - spec.cardiothoracic_ratio * spec.thorax_width / 2, y


def carina_y(spec: PhantomSpec) -> float:
    """Height at which the trachea parts."""
    return spec.apex_y + 0.30 * height_of(spec)


def trachea_walls(spec: PhantomSpec) -> tuple[float, float]:
    """Right and left wall of the trachea."""
    middle = 0.5 + spec.trachea_shift
    return middle - spec.trachea_width / 2, middle + spec.trachea_width / 2


def arch_left(spec: PhantomSpec) -> float:
    """Left border of the aortic arch."""
    return trachea_walls(spec)[1] + spec.knob_ratio * spec.trachea_width


def aorta_left(spec: PhantomSpec, y: Plane) -> Plane:
    """Left border of the descending aorta; it never passes that of the arch."""
    below = (y - carina_y(spec)) / height_of(spec)
    swing = spec.tortuosity * (1 - np.cos(2 * np.pi * below / 0.6))
    return np.asarray(arch_left(spec) - 0.004 - swing)
