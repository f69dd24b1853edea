"""Outlines of a normal aorta and what it is measured against, on a grid of 400 x 400."""

from __future__ import annotations

import numpy as np

from cxr_agent.measure.extent import BoolMask, Extent
from cxr_agent.measure.geometry import Scene
from tests.builders import rectangle

SHAPE = (400, 400)
OUTLINES = {
    "trachea": rectangle(SHAPE, 190, 20, 210, 190),
    "carina": rectangle(SHAPE, 170, 180, 230, 220),
    "aortic_arch": rectangle(SHAPE, 205, 130, 250, 180),
    "ascending_aorta": rectangle(SHAPE, 190, 190, 215, 280),
    "descending_aorta": rectangle(SHAPE, 215, 150, 245, 380),
    "heart": rectangle(SHAPE, 130, 230, 280, 350),
}
"""The measured trachea is 20 wide, from row 60 to 180; the thoracic aorta 30, from 150 to 350."""


def box(left: int, top: int, right: int, bottom: int) -> BoolMask:
    """A rectangle on the grid."""
    return rectangle(SHAPE, left, top, right, bottom)


def scene_of(**changed: BoolMask | None) -> Scene:
    """The outlines, some of them others or, with None, missing."""
    return _scene({n: mask for n, mask in {**OUTLINES, **changed}.items() if mask is not None})


def enlarged(scene: Scene, factor: int) -> Scene:
    """The same on a finer grid."""
    block = np.ones((factor, factor), dtype=np.bool_)
    return _scene({name: np.kron(mask, block) for name, mask in scene.masks.items()})


def mirrored(scene: Scene) -> Scene:
    """The same with the patient's sides exchanged; no structure of it has a twin."""
    return _scene({name: mask[:, ::-1] for name, mask in scene.masks.items()})


def _scene(masks: dict[str, BoolMask]) -> Scene:
    rows, columns = next(iter(masks.values())).shape
    return Scene(masks, Extent(0, 0, columns, rows), (rows, columns))
