"""Say whether the patient is rotated, by the clavicles."""

from __future__ import annotations

from cxr_agent.measure.rotation import rotation
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import NOTHING_PLACED, Mask, MaskGroup, Placed, tool
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.measuring import Wanted, masks_of, measure


@tool(
    version="1.0",
    purpose="Rotation of the patient by the medial ends of the clavicles; needs their masks.",
    subject="rotation",
    time_limit_s=20,
)
def measure_rotation(
    film: Image,
    right_clavicle: Mask,
    left_clavicle: Mask,
    vertebrae: MaskGroup,
    spine: Mask | None = None,
    right_lung: Mask | None = None,
    left_lung: Mask | None = None,
    placed: Placed = NOTHING_PLACED,
) -> Measured:
    """Measure as :func:`cxr_agent.measure.rotation.rotation` defines it.

    Raises
    ------
    Abstain
        With the code of a condition of ``kb/measurements.toml`` that does not hold.
    """
    masks = masks_of(right_clavicle, left_clavicle, vertebrae, spine, right_lung, left_lung)
    return measure(film, masks, Wanted("rotation", rotation), placed=placed)
