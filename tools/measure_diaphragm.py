"""Measure by how much one dome of the diaphragm is higher than the other."""

from __future__ import annotations

from cxr_agent.measure.diaphragm import diaphragm_height
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Height difference of the domes of the diaphragm; needs lung masks and a spacing.",
    subject="diaphragm_height_difference",
    time_limit_s=20,
)
def measure_diaphragm(
    film: Image,
    right_lung: Mask,
    left_lung: Mask,
    right_hemidiaphragm: Mask | None = None,
    left_hemidiaphragm: Mask | None = None,
    heart: Mask | None = None,
    placed: Placed = NOTHING_PLACED,
) -> Measured:
    """Measure as :func:`cxr_agent.measure.diaphragm.diaphragm_height` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(right_lung, left_lung, right_hemidiaphragm, left_hemidiaphragm, heart)
    return measure(film, masks, Wanted("diaphragm_height", diaphragm_height), placed=placed)
