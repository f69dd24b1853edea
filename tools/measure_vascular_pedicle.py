"""Measure the width of the vascular pedicle."""

from __future__ import annotations

from cxr_agent.measure.pedicle import vascular_pedicle
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Width of the vascular pedicle; needs lung masks and a pixel spacing.",
    subject="vascular_pedicle_width",
    time_limit_s=20,
)
def measure_vascular_pedicle(
    film: Image, right_lung: Mask, left_lung: Mask, placed: Placed = NOTHING_PLACED
) -> Measured:
    """Measure as :func:`cxr_agent.measure.pedicle.vascular_pedicle` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(right_lung, left_lung)
    return measure(film, masks, Wanted("vascular_pedicle", vascular_pedicle), placed=placed)
