"""Measure how far the tip of a tracheal tube lies above the carina."""

from __future__ import annotations

from cxr_agent.measure import tube
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Height of a tracheal tube's tip above the carina; needs masks of both and a spacing.",
    subject="tube_tip_height",
    time_limit_s=20,
)
def measure_tube_tip(
    film: Image, tube_tip: Mask, carina: Mask, placed: Placed = NOTHING_PLACED
) -> Measured:
    """Measure as :func:`cxr_agent.measure.tube.tube_tip` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(tube_tip, carina)
    return measure(film, masks, Wanted("tube_tip", tube.tube_tip), placed=placed)
