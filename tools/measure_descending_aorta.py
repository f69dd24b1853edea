"""Measure the width of the descending aorta against the trachea."""

from __future__ import annotations

from cxr_agent.measure.descending_aorta import descending_aorta_ratio
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Width of the descending aorta over that of the trachea; needs heart mask too.",
    subject="descending_aorta_ratio",
    time_limit_s=20,
)
def measure_descending_aorta(
    film: Image,
    descending_aorta: Mask,
    heart: Mask,
    trachea: Mask,
    carina: Mask | None = None,
    aortic_arch: Mask | None = None,
    placed: Placed = NOTHING_PLACED,
) -> Measured:
    """Measure as :func:`cxr_agent.measure.descending_aorta.descending_aorta_ratio` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(descending_aorta, heart, trachea, carina, aortic_arch)
    return measure(film, masks, Wanted("descending_aorta", descending_aorta_ratio), placed=placed)
