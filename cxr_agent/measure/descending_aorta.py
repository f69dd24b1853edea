"""Width and curvature of the thoracic descending aorta.

As CheXStruct (Lee et al., CXReasonBench, 2025) has it: the part from the aorta's top to the lower
end of its overlap with the heart, 5 % trimmed at both ends, is cut in five; walls are taken on
the six lines that bound the fifths. CheXStruct gives the curvature per pixel of the MIMIC-CXR
film; here it is times the height of the film, so that it depends on no scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxr_agent.measure.aortic_arch import refuse_right_arch
from cxr_agent.measure.extent import Extent
from cxr_agent.measure.geometry import Geometry, Line, NotMeasurable, Point, Scene
from cxr_agent.measure.trachea import trachea
from cxr_agent.measure.walls import Floats, walls

_TRIMMED = 0.05
_PARTS = 5


@dataclass(frozen=True, slots=True, eq=False)
class _Cuts:
    """Six lines across the aorta, from the head down; arrays of 6, continuous pixels."""

    y: Floats
    left: Floats
    right: Floats
    box: tuple[int, int, int, int]
    shape: tuple[int, int]

    @property
    def widths(self) -> Floats:
        return self.right - self.left

    @property
    def quantities(self) -> dict[str, float]:
        rows, columns = self.shape
        return {
            "descending_aorta_height": float(self.y[-1] - self.y[0]) / rows,
            "descending_aorta_width_sd": float(self.widths.std()) / columns,
        }

    def line(self, index: int) -> tuple[Point, Point]:
        y = float(self.y[index])
        return (float(self.left[index]), y), (float(self.right[index]), y)


def descending_aorta_ratio(scene: Scene) -> Geometry:
    """Greatest of the six widths over that of the trachea, from ``descending_aorta``, ``heart``,
    ``trachea`` and, where outlined, ``carina`` and ``aortic_arch``.

    Quantities beside those of :class:`cxr_agent.measure.trachea.Trachea`:
    ``descending_aorta_height`` (of the trimmed part) as a share of the film's height,
    ``descending_aorta_width_sd`` (of the six widths) as one of its width;
    ``descending_aorta_width_px``.

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``arch_on_the_right``, ``trachea_unclear``; ``aorta_heart_apart`` when
        the aorta and the heart do not overlap, or nothing of the aorta lies above that.
    """
    cuts = _cuts(scene)
    windpipe = trachea(scene)
    widest = int(cuts.widths.argmax())
    right, left = cuts.line(widest)
    drawn = windpipe.line
    return Geometry(
        float(cuts.widths[widest]) / windpipe.width,
        quantities={
            **windpipe.quantities,
            **cuts.quantities,
            "descending_aorta_width_px": float(cuts.widths[widest]),
        },
        landmarks={
            "descending_aorta_right": right,
            "descending_aorta_left": left,
            "trachea_width_right": drawn.points[0],
            "trachea_width_left": drawn.points[1],
        },
        lines=(
            drawn,
            Line("descending_aorta_width", (right, left), "descending aorta"),
        ),
        box=cuts.box,
    )


def aortic_curvature(scene: Scene) -> Geometry:
    """Mean curvature of the wall on the patient's left through the six lines, times the film's
    height; from ``descending_aorta`` and ``heart``, with ``aortic_arch`` and ``trachea`` for the
    side of the arch.

    Derivatives are differences over the index of the points, central and at the ends one-sided,
    the second ones the same operator twice, as in CheXStruct.

    Quantities: ``descending_aorta_height``, ``descending_aorta_width_sd`` as for
    :func:`descending_aorta_ratio`.

    Raises
    ------
    NotMeasurable
        ``mask_missing``, ``arch_on_the_right``, ``aorta_heart_apart``.
    """
    cuts = _cuts(scene)
    points = tuple(zip(cuts.right.tolist(), cuts.y.tolist(), strict=True))
    return Geometry(
        float(_curvature(cuts.right, cuts.y).mean()) * scene.shape[0],
        quantities=cuts.quantities,
        landmarks={f"wall_{number}": point for number, point in enumerate(points, 1)},
        lines=(Line("descending_aorta_wall", points, "descending aorta, left wall"),),
        box=cuts.box,
    )


def _curvature(x: Floats, y: Floats) -> Floats:
    across, down = np.gradient(x), np.gradient(y)
    bend = np.abs(np.gradient(across) * down - np.gradient(down) * across)
    return np.asarray(bend / np.hypot(across, down) ** 3)


def _cuts(scene: Scene) -> _Cuts:
    mask = scene.mask("descending_aorta")
    overlap = mask & scene.mask("heart")
    refuse_right_arch(scene)
    if not overlap.any():
        raise NotMeasurable("aorta_heart_apart")
    aorta = walls(mask).above(walls(overlap).unbroken().bottom).unbroken()
    trim = _TRIMMED * aorta.height
    y = np.linspace(aorta.top + trim, aorta.bottom - trim, _PARTS + 1)
    # A line on the border of two rows belongs to the lower one, and the last line to the upper.
    rows = np.floor(np.round(y, 6)).astype(np.int64)
    rows[-1] = np.ceil(np.round(y[-1], 6)) - 1
    chosen = aorta.where(rows - aorta.top)
    box = Extent(int(aorta.left.min()), aorta.top, int(aorta.right.max()), aorta.bottom).box
    return _Cuts(y, chosen.left, chosen.right, box, scene.shape)
