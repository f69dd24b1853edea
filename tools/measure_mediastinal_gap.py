"""Measure the space between the lungs against the thorax."""

from __future__ import annotations

from cxr_agent.measure.mediastinum import mediastinal_gap
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Space between the lungs over the width of the thorax; needs lung masks.",
    subject="mediastinal_gap_ratio",
    time_limit_s=20,
)
def measure_mediastinal_gap(
    film: Image, right_lung: Mask, left_lung: Mask, placed: Placed = NOTHING_PLACED
) -> Measured:
    """Measure as :func:`cxr_agent.measure.mediastinum.mediastinal_gap` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(right_lung, left_lung)
    return measure(film, masks, Wanted("mediastinal_gap", mediastinal_gap), placed=placed)
