"""Measure the aortic knob against the trachea."""

from __future__ import annotations

from cxr_agent.measure.aortic_knob import aortic_knob_ratio
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Width of the aortic knob over that of the trachea; needs masks of aorta and trachea.",
    subject="aortic_knob_ratio",
    time_limit_s=20,
)
def measure_aortic_knob(
    film: Image,
    aortic_arch: Mask,
    descending_aorta: Mask,
    trachea: Mask,
    carina: Mask | None = None,
    placed: Placed = NOTHING_PLACED,
) -> Measured:
    """Measure as :func:`cxr_agent.measure.aortic_knob.aortic_knob_ratio` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(aortic_arch, descending_aorta, trachea, carina)
    return measure(film, masks, Wanted("aortic_knob", aortic_knob_ratio), placed=placed)
