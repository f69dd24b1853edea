"""The film that all benchmarks read: the phantom, at a detector's size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from cxr_agent.testing.phantom import draw


def write_film(folder: Path, size: int) -> Path:
    """A grey PNG of ``size`` x ``size``."""
    path = folder / f"phantom-{size}.png"
    Image.fromarray(np.rint(draw(size=size).pixels * 255).astype(np.uint8)).save(path)
    return path
