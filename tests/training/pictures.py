"""Small pictures on the disk and in memory, for the tests of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Grey = NDArray[np.float32]


def texture(seed: int, shape: tuple[int, int] = (220, 180)) -> Grey:
    """Soft clouds in [0, 1] that are like those of no other seed."""
    noise = np.random.default_rng(seed).normal(size=shape)
    soft = ndimage.gaussian_filter(noise, 14)
    grey: Grey = ((soft - soft.min()) / (soft.max() - soft.min())).astype(np.float32)
    return grey


def signpost(side: int = 48) -> Grey:
    """Blocks that look different in each of the sixteen ways to turn, mirror and invert them."""
    levels = np.array([[0, 1, 0], [1, 1, 0], [0, 2, 2]], dtype=np.float32) / 3
    return np.kron(levels, np.ones((side // 3, side // 3), dtype=np.float32))


def save(path: Path, grey: Grey) -> Path:
    """Write an 8-bit picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rint(grey * 255).astype(np.uint8)).save(path)
    return path
