"""Measure the cardiothoracic ratio and say what it means for the projection at hand."""

from __future__ import annotations

from cxr_agent.measure.ctr import cardiothoracic_ratio
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, measure


@tool(
    version="2.0",
    purpose="Cardiothoracic ratio with interval and drawn lines; needs heart and lung masks.",
    subject="cardiothoracic_ratio",
    time_limit_s=20,
)
def measure_ctr(
    film: Image, heart: Mask, right_lung: Mask, left_lung: Mask, placed: Placed = NOTHING_PLACED
) -> Measured:
    """Measure the ratio as :func:`cxr_agent.measure.ctr.cardiothoracic_ratio` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    return measure(
        film, (heart, right_lung, left_lung), Wanted("ctr", cardiothoracic_ratio), placed=placed
    )
