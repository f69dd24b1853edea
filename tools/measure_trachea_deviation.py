"""Say whether the trachea deviates from the midline, and to which side."""

from __future__ import annotations

from cxr_agent.measure.deviation import trachea_deviation
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, MaskGroup, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Deviation of the trachea from the midline; needs masks of trachea and spine.",
    subject="trachea_offset",
    time_limit_s=20,
)
def measure_trachea_deviation(
    film: Image,
    trachea: Mask,
    vertebrae: MaskGroup,
    spine: Mask | None = None,
    carina: Mask | None = None,
    placed: Placed = NOTHING_PLACED,
) -> Measured:
    """Measure as :func:`cxr_agent.measure.deviation.trachea_deviation` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(trachea, vertebrae, spine, carina)
    return measure(film, masks, Wanted("trachea_deviation", trachea_deviation), placed=placed)
