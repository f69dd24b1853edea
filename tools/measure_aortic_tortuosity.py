"""Measure the curvature of the descending aorta."""

from __future__ import annotations

from cxr_agent.measure.descending_aorta import aortic_curvature
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Curvature of the descending aorta; needs masks of it and the heart.",
    subject="aortic_curvature",
    time_limit_s=20,
)
def measure_aortic_tortuosity(
    film: Image,
    descending_aorta: Mask,
    heart: Mask,
    trachea: Mask | None = None,
    aortic_arch: Mask | None = None,
    placed: Placed = NOTHING_PLACED,
) -> Measured:
    """Measure as :func:`cxr_agent.measure.descending_aorta.aortic_curvature` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(descending_aorta, heart, trachea, aortic_arch)
    return measure(film, masks, Wanted("aortic_tortuosity", aortic_curvature), placed=placed)
