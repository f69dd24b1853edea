"""Count the posterior ribs above the right hemidiaphragm."""

from __future__ import annotations

from cxr_agent.measure.inspiration import inspiration
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, MaskGroup, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Posterior ribs above the right hemidiaphragm; needs masks of ribs and diaphragm.",
    subject="inspiration",
    time_limit_s=20,
)
def measure_inspiration(
    film: Image,
    right_lung: Mask,
    right_hemidiaphragm: Mask,
    posterior_ribs_right: MaskGroup,
    placed: Placed = NOTHING_PLACED,
) -> Measured:
    """Measure as :func:`cxr_agent.measure.inspiration.inspiration` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(right_lung, right_hemidiaphragm, posterior_ribs_right)
    return measure(film, masks, Wanted("inspiration", inspiration), placed=placed)
