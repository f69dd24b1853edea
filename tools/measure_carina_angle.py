"""Measure the angle at which the trachea parts."""

from __future__ import annotations

from cxr_agent.measure.carina import carina_angle
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Angle between the main bronchi; needs a mask of the tracheal bifurcation.",
    subject="carina_angle",
    time_limit_s=20,
)
def measure_carina_angle(film: Image, carina: Mask, placed: Placed = NOTHING_PLACED) -> Measured:
    """Measure as :func:`cxr_agent.measure.carina.carina_angle` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(carina)
    return measure(film, masks, Wanted("carina_angle", carina_angle), placed=placed)
