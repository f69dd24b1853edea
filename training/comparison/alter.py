"""A film as it would be had it been exposed again: shifted, turned, magnified, in other greys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatImage = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is different; the defaults change nothing."""

    turn_deg: float = 0.0
    scale: float = 1.0
    """Above 1 the patient is larger on the film."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Down and across, as shares of the film's height and width."""
    gamma: float = 1.0
    black: float = 0.0
    white: float = 1.0
    """Greys at which the window begins and ends."""
    noise: float = 0.0


def random_exposure(rng: np.random.Generator) -> Exposure:
    """As films of one patient at one department differ."""
    return Exposure(
        turn_deg=float(rng.uniform(-6, 6)),
        scale=float(rng.uniform(0.9, 1.08)),
        shift=(float(rng.uniform(-0.05, 0.05)), float(rng.uniform(-0.05, 0.05))),
        gamma=float(np.exp(rng.uniform(-0.35, 0.35))),
        black=float(rng.uniform(0, 0.08)),
        white=float(rng.uniform(0.92, 1)),
        noise=float(rng.uniform(0, 0.02)),
    )


def exposed(film: FloatImage, how: Exposure, rng: np.random.Generator) -> FloatImage:
    """The film exposed anew: (rows, columns) float32 in [0, 1] of the same size, black beyond."""
    found = film
    if how.turn_deg or how.scale != 1 or any(how.shift):
        turn = np.deg2rad(how.turn_deg)
        back = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / how.scale
        middle = np.array(film.shape) / 2
        moved = middle + np.array(how.shift) * film.shape
        found = ndimage.affine_transform(film, back, offset=middle - back @ moved, order=1)
    found = np.clip(found, 0, 1) ** how.gamma
    found = np.clip((found - how.black) / (how.white - how.black), 0, 1)
    if how.noise:
        found = found + rng.normal(0, how.noise, found.shape)
    return np.clip(found, 0, 1).astype(np.float32)
