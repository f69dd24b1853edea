"""On which side the aortic arch lies: what is measured of the aorta holds for a left one."""

from __future__ import annotations

import numpy as np

from cxr_agent.measure.extent import BoolMask
from cxr_agent.measure.geometry import NotMeasurable, Scene


def refuse_right_arch(scene: Scene) -> None:
    """Raise for a right-sided arch, where both it and the trachea are outlined.

    A mirrored picture looks the same and is refused with it.

    Raises
    ------
    NotMeasurable
        ``arch_on_the_right`` when the centre of ``aortic_arch`` lies to the patient's right of
        that of ``trachea``.
    """
    outlined = scene.group(("aortic_arch", "trachea"))
    if len(outlined) == 2 and _middle(outlined["aortic_arch"]) < _middle(outlined["trachea"]):
        raise NotMeasurable("arch_on_the_right")


def _middle(mask: BoolMask) -> float:
    """x of the centre of area."""
    columns = mask.sum(axis=0)
    return float(np.average(np.arange(len(columns)) + 0.5, weights=columns))
