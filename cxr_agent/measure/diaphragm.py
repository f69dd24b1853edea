"""Heights of the two domes of the diaphragm against each other."""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_agent.measure.extent import extent_of
from cxr_agent.measure.geometry import Geometry, Line, NotMeasurable, Point, Scene

_MIDDLE: Final = (1 / 3, 2 / 3)
"""Part of a lung's width in which its dome is looked for."""


def diaphragm_height(scene: Scene) -> Geometry:
    """By how many pixels the right dome is higher than the left; needs both lungs.

    A dome is the highest point of the hemidiaphragm's outline in the middle third of the lung's
    width; without that outline, of the lung's lower border there, where ``heart`` does not hide it.

    Quantities: ``height_share``, the same over the mean height of the lungs; ``base_margin``.

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``diaphragm_unclear``.
    """
    right = scene.point("dome_right", dome(scene, "right"))
    left = scene.point("dome_left", dome(scene, "left"))
    one, other = extent_of(scene.mask("right_lung")), extent_of(scene.mask("left_lung"))
    value = left[1] - right[1]
    higher = min(right[1], left[1])
    return Geometry(
        value,
        quantities={
            "height_share": 2 * value / (one.height + other.height),
            "base_margin": max(0.0, scene.field.bottom - max(right[1], left[1]))
            / scene.field.height,
        },
        landmarks={"dome_right": right, "dome_left": left},
        lines=(
            Line("dome_right", ((right[0], higher), right), "right dome"),
            Line("dome_left", ((left[0], higher), left), "left dome"),
            Line("dome_level", ((right[0], higher), (left[0], higher))),
        ),
        lengths={"value": (0.0, abs(value) or 1.0)},
    )


def dome(scene: Scene, side: str) -> Point:
    """The highest point of one dome, see :func:`diaphragm_height`."""
    lung = scene.mask(f"{side}_lung")
    box = extent_of(lung)
    columns = np.arange(
        int(box.left + _MIDDLE[0] * box.width), int(box.left + _MIDDLE[1] * box.width) + 1
    )
    outlined = scene.masks.get(f"{side}_hemidiaphragm")
    if outlined is not None and outlined[:, columns].any():
        columns = columns[outlined[:, columns].any(axis=0)]
        tops = outlined[:, columns].argmax(axis=0).astype(float)
    else:
        columns = columns[lung[:, columns].any(axis=0)]
        if "heart" in scene.masks:
            columns = columns[~scene.masks["heart"][:, columns].any(axis=0)]
        if not columns.size:
            raise NotMeasurable("diaphragm_unclear")
        tops = (lung.shape[0] - lung[::-1, columns].argmax(axis=0)).astype(float)
    highest = columns[tops == tops.min()]
    return float(highest.mean()) + 0.5, float(tops.min())
