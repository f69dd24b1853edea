"""Tell PA from AP by the shoulder blades."""

from __future__ import annotations

from cxr_agent.measure.projection import projection
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Projection from the shoulder blades over the lungs; needs masks of scapulae.",
    subject="projection_from_scapulae",
    time_limit_s=20,
)
def measure_projection(
    film: Image,
    right_scapula: Mask,
    left_scapula: Mask,
    right_lung: Mask,
    left_lung: Mask,
    placed: Placed = NOTHING_PLACED,
) -> Measured:
    """Measure as :func:`cxr_agent.measure.projection.projection` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(right_scapula, left_scapula, right_lung, left_lung)
    return measure(film, masks, Wanted("projection", projection), placed=placed)
