"""The two-dimensional cardiothoracic ratio: area of the heart over area of the thorax."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cxr_agent import tool
from cxr_agent.evidence import EvidenceKind, Observation, Unit
from cxr_agent.study import AgeGroup, Image, View
from cxr_agent.toolbox import Abstain, AddedWords, Mask, ToolResult

CODE = "cardiothoracic_area_ratio"
LEAST_BALANCE = 1 / 3
"""Of the smaller lung's area over the larger one's: below, one of them is not all of a lung."""
BROWNE_LIMIT = 0.23
"""Browne et al., J Digit Imaging 2004: at most this with a normal ejection fraction, PA films."""
WORDS = {CODE: AddedWords("cardiothoracic area ratio", section="Cardiovascular", unit=Unit.RATIO)}
REASONS = {
    "cardiothoracic_area_empty": "the heart or a lung is not outlined",
    "cardiothoracic_area_cut": "the heart or a lung reaches the edge of the film",
    "cardiothoracic_area_uneven": "one lung is seen over less than a third of the other's area",
}


class AreaRatio(ToolResult):
    """The ratio and both areas, in pixels of the film."""

    ratio: float
    heart_px: int
    thorax_px: int

    def observations(self) -> Iterator[Observation]:
        yield Observation(
            kind=EvidenceKind.MEASUREMENT,
            code=CODE,
            value=self.ratio,
            unit=Unit.RATIO,
            details={
                "heart_px": self.heart_px,
                "thorax_px": self.thorax_px,
                "browne_limit": BROWNE_LIMIT,
            },
        )


@tool(
    version="1.0.0",
    purpose="Area of the heart over that of the thorax; needs heart and lung masks.",
    subject=CODE,
    words=WORDS,
    reasons=REASONS,
    time_limit_s=10,
    memory_mib=512,
)
def cardiothoracic_area(film: Image, heart: Mask, right_lung: Mask, left_lung: Mask) -> AreaRatio:
    """Measure it on one film; masks are (rows, columns) bool.

    Raises
    ------
    Abstain
        ``lateral_view``, ``paediatric``, or a code of REASONS.
    """
    if film.view is View.LATERAL:
        raise Abstain(CODE, "lateral_view")
    if film.age_group is AgeGroup.PAEDIATRIC:
        raise Abstain(CODE, "paediatric")
    planes = (heart.plane, right_lung.plane, left_lung.plane)
    if not all(plane.any() for plane in planes):
        raise Abstain(CODE, "cardiothoracic_area_empty")
    if any(map(_reaches_edge, planes)):
        raise Abstain(CODE, "cardiothoracic_area_cut")
    smaller, larger = sorted(int(plane.sum()) for plane in planes[1:])
    if smaller < LEAST_BALANCE * larger:
        raise Abstain(CODE, "cardiothoracic_area_uneven")
    thorax = _filled_rows(right_lung.plane | left_lung.plane) | heart.plane
    heart_px, thorax_px = int(heart.plane.sum()), int(thorax.sum())
    return AreaRatio(ratio=heart_px / thorax_px, heart_px=heart_px, thorax_px=thorax_px)


def _reaches_edge(plane: np.ndarray) -> bool:
    return any(line.any() for line in (plane[0], plane[-1], plane[:, 0], plane[:, -1]))


def _filled_rows(plane: np.ndarray) -> np.ndarray:
    """Each row from its first to its last pixel that is set; (rows, columns) bool."""
    from_left = np.logical_or.accumulate(plane, axis=1)
    from_right = np.logical_or.accumulate(plane[:, ::-1], axis=1)[:, ::-1]
    return from_left & from_right
