"""Measure the width of the upper mediastinum against the thorax."""

from __future__ import annotations

from cxr_agent.measure.mediastinum import mediastinal_width
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Width of the upper mediastinum over that of the thorax; needs a mask of it.",
    subject="mediastinal_ratio",
    time_limit_s=20,
)
def measure_mediastinum(
    film: Image,
    upper_mediastinum: Mask,
    right_lung: Mask,
    left_lung: Mask,
    placed: Placed = NOTHING_PLACED,
) -> Measured:
    """Measure as :func:`cxr_agent.measure.mediastinum.mediastinal_width` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(upper_mediastinum, right_lung, left_lung)
    return measure(film, masks, Wanted("mediastinal_width", mediastinal_width), placed=placed)
