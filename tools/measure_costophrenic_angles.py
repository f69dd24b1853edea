"""Measure both costophrenic angles."""

from __future__ import annotations

from cxr_agent.evidence import Side
from cxr_agent.measure.costophrenic import angle_of
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Costophrenic angles of both sides; needs lung masks.",
    subject="costophrenic_angle",
    time_limit_s=20,
)
def measure_costophrenic_angles(
    film: Image,
    right_lung: Mask,
    left_lung: Mask,
    heart: Mask | None = None,
    placed: Placed = NOTHING_PLACED,
) -> Measured:
    """Measure as :func:`cxr_agent.measure.costophrenic.costophrenic_angle` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(right_lung, left_lung, heart)
    sides = (Side.RIGHT, Side.LEFT)
    return measure(
        film, masks, *(Wanted("costophrenic_angle", angle_of(s), s) for s in sides), placed=placed
    )
