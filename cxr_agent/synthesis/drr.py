"""A radiograph of a CT, the projected outlines of its labels, and what is true of them.

References
----------
DRR-RATE: A large scale synthetic chest X-ray dataset (Moore et al., 2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_agent.measure.ctr import cardiothoracic_ratio
from cxr_agent.measure.extent import BoolMask, Extent, extent_of
from cxr_agent.measure.geometry import Measure, NotMeasurable, Scene
from cxr_agent.measure.rotation import rotation
from cxr_agent.study import FloatImage
from cxr_agent.synthesis.film import Style, film_of
from cxr_agent.synthesis.geometry import Beam, Projection
from cxr_agent.synthesis.rays import Plane, path_lengths
from cxr_agent.synthesis.volume import Points, Volume

_MEASURES: Final[Mapping[str, Measure]] = {
    "cardiothoracic_ratio": cardiothoracic_ratio,
    "rotation_ratio": rotation,
}


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """A synthetic film, and its truth."""

    pixels: FloatImage
    """(rows, columns) float32 in [0, 1], bone white."""
    projection: Projection
    paths_mm: Mapping[str, Plane]
    """(rows, columns) float32 by label: how far each ray runs inside it."""

    @property
    def masks(self) -> dict[str, BoolMask]:
        """(rows, columns) by label: true where the ray through a pixel's centre crosses it."""
        return {name: paths > 0 for name, paths in self.paths_mm.items()}

    @property
    def scene(self) -> Scene:
        """The masks as the measurements take them; a label beside the film is missing."""
        rows, columns = self.pixels.shape
        seen = {name: mask for name, mask in self.masks.items() if mask.any()}
        return Scene(seen, Extent(0, 0, columns, rows), (rows, columns))

    def landmarks(self, points: Mapping[str, Points]) -> dict[str, tuple[float, float]]:
        """Where points of the CT (LPS, mm) fall, in continuous film pixels (x, y)."""
        if not points:
            return {}
        places = self.projection.project(np.array(list(points.values()), dtype=np.float64))
        return {name: (float(x), float(y)) for name, (x, y) in zip(points, places, strict=True)}


def radiograph(volume: Volume, projection: Projection, style: Style, seed: int = 0) -> Radiograph:
    """Make the film of a volume and project its labels."""
    return Radiograph(
        pixels=film_of(volume, projection, style, seed),
        projection=projection,
        paths_mm={
            name: path_lengths(mask, volume.affine, projection)
            for name, mask in volume.labels.items()
        },
    )


def true_values(made: Radiograph) -> dict[str, float | None]:
    """What the measurements give on the projected outlines; None where one cannot be made.

    Lengths are in millimetres at the detector. A side view has none of the ratios.
    """
    scene, mm = made.scene, made.projection.pixel_mm
    values: dict[str, float | None] = {}
    if made.projection.beam is not Beam.LATERAL:
        for name, measure in _MEASURES.items():
            try:
                values[name] = measure(scene).value
            except NotMeasurable:
                values[name] = None
    for name, mask in scene.masks.items():
        box = extent_of(mask)
        values[f"{name}_width_mm"] = box.width * mm
        values[f"{name}_height_mm"] = (box.bottom - box.top) * mm
    return values
