"""Say what has changed since a prior film, where the two may be compared."""

from __future__ import annotations

from cxr_agent.models.shelf import Shelf
from cxr_agent.study import AgeGroup, Image, View
from cxr_agent.toolbox.comparing import Compared, Seen, compare
from cxr_agent.toolbox.contract import (
    NOTHING_PLACED,
    Abstain,
    Mask,
    MaskGroup,
    Placed,
    Prior,
    tool,
)
from cxr_agent.toolbox.measuring import masks_of

SUBJECT = "prior_comparison"


@tool(
    version="1.0",
    purpose="What has changed since a prior film: heart and lung size, density by zone, findings.",
    subject=SUBJECT,
    time_limit_s=60,
    memory_mib=1200,
)
def compare_with_prior(
    film: Image,
    prior: Prior,
    shelf: Shelf,
    right_lung: Mask,
    left_lung: Mask,
    vertebrae: MaskGroup,
    heart: Mask | None = None,
    right_clavicle: Mask | None = None,
    left_clavicle: Mask | None = None,
    spine: Mask | None = None,
    placed: Placed = NOTHING_PLACED,
    deformable: bool = False,
) -> Compared:
    """Compare as :func:`cxr_agent.toolbox.comparing.compare` does.

    ``deformable`` bends the films onto one another besides, where MONAI is installed.

    Raises
    ------
    Abstain
        ``lateral_view``, ``paediatric``, or ``mask_missing`` where a lung of either film was not
        outlined.
    """
    if View.LATERAL in (film.view, prior.film.view):
        raise Abstain(SUBJECT, "lateral_view")
    if AgeGroup.PAEDIATRIC in (film.age_group, prior.film.age_group):
        raise Abstain(SUBJECT, "paediatric")
    outlined = masks_of(
        right_lung, left_lung, vertebrae, heart, right_clavicle, left_clavicle, spine
    )
    current = Seen(film, {mask.structure: mask for mask in outlined}, placed)
    return compare(
        current, Seen(prior.film, prior.masks, prior.placed), shelf, deformable=deformable
    )
