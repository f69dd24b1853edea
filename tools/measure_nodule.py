"""Measure the diameter of an outlined nodule."""

from __future__ import annotations

from cxr_agent.measure.nodule import nodule_diameter
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Mean diameter of a nodule; needs a mask of it and a pixel spacing.",
    subject="nodule_diameter",
    time_limit_s=20,
)
def measure_nodule(film: Image, nodule: Mask, placed: Placed = NOTHING_PLACED) -> Measured:
    """Measure as :func:`cxr_agent.measure.nodule.nodule_diameter` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(nodule)
    return measure(film, masks, Wanted("nodule_diameter", nodule_diameter), placed=placed)
