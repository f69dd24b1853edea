"""Measure the lungs: their areas, their ratio, and how their width changes from apex to base."""

from __future__ import annotations

from cxr_agent.evidence import Side
from cxr_agent.measure.lungs import area_of, lung_area_ratio, lung_profile
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Areas of both lungs, their ratio and their profile; needs lung masks.",
    subject="lung_profile",
    time_limit_s=20,
)
def measure_lungs(
    film: Image, right_lung: Mask, left_lung: Mask, placed: Placed = NOTHING_PLACED
) -> Measured:
    """Measure as :mod:`cxr_agent.measure.lungs` defines it; areas need a pixel spacing.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(right_lung, left_lung)
    return measure(
        film,
        masks,
        Wanted("lung_area", area_of(Side.RIGHT), Side.RIGHT),
        Wanted("lung_area", area_of(Side.LEFT), Side.LEFT),
        Wanted("lung_area_ratio", lung_area_ratio),
        Wanted("lung_profile", lung_profile),
        placed=placed,
    )
