"""The picture of docs/drr.md: ``python docs/drr/picture.py`` writes docs/drr/drr.png."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from cxr_agent.synthesis import STYLES, Beam, Pose, radiograph, standing
from cxr_agent.testing.phantom.thorax import thorax

_COLOURS = {"heart": (230, 80, 60), "right_lung": (70, 150, 240), "left_lung": (70, 200, 130)}
_SIZE = 320


def _panel(beam: Beam, pose: Pose, style: str, *, drawn: bool = False) -> np.ndarray:
    body = thorax(size=160).volume
    made = radiograph(body, standing(body, beam, pose, size=_SIZE), STYLES[style])
    shown = np.repeat(np.rint(made.pixels * 255).astype(np.uint8)[..., None], 3, axis=2)
    for name, colour in _COLOURS.items() if drawn else ():
        mask = made.masks[name]
        shown[mask & ~ndimage.binary_erosion(mask, iterations=2)] = colour
    return shown


def main() -> None:
    """Two rows of three films."""
    panels = [
        _panel(Beam.PA, Pose(), "film"),
        _panel(Beam.PA, Pose(), "film", drawn=True),
        _panel(Beam.LATERAL, Pose(), "film"),
        _panel(Beam.AP, Pose(), "bedside"),
        _panel(Beam.PA, Pose(12, 8, 5), "film"),
        _panel(Beam.PA, Pose(), "hard"),
    ]
    rows = [np.concatenate(panels[start : start + 3], axis=1) for start in (0, 3)]
    Image.fromarray(np.concatenate(rows)).quantize(128, method=Image.Quantize.FASTOCTREE).save(
        Path(__file__).with_name("drr.png"), optimize=True
    )


if __name__ == "__main__":
    main()
