"""Measure how much of the ascending aorta lies lateral to the line from trachea to heart."""

from __future__ import annotations

from cxr_agent.measure.ascending_aorta import ascending_aorta_share
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Share of the ascending aorta beyond a line from trachea to heart; needs these masks.",
    subject="ascending_aorta_share",
    time_limit_s=20,
)
def measure_ascending_aorta(
    film: Image,
    ascending_aorta: Mask,
    heart: Mask,
    trachea: Mask,
    carina: Mask | None = None,
    aortic_arch: Mask | None = None,
    placed: Placed = NOTHING_PLACED,
) -> Measured:
    """Measure as :func:`cxr_agent.measure.ascending_aorta.ascending_aorta_share` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(ascending_aorta, heart, trachea, carina, aortic_arch)
    return measure(film, masks, Wanted("ascending_aorta", ascending_aorta_share), placed=placed)
