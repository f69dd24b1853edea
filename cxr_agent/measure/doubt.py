"""How far a value moves when its outlines are drawn again.

The outlines of a film are drawn again on altered copies of it (test-time augmentation); the
spread of what is then measured is the doubt that the segmentation leaves (Wang et al.,
"Aleatoric uncertainty estimation with test-time augmentation for medical image segmentation",
Neurocomputing 2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cxr_agent.evidence import Interval
from cxr_agent.measure.geometry import Geometry, Measure, NotMeasurable, Scene
from cxr_agent.measure.judge import quantity_of

_LOST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Doubt:
    """Deviations of a quantity from that of the first outlines, one per repeat."""

    deviations: tuple[float, ...]

    @property
    def spread(self) -> float:
        """Root of the mean squared deviation."""
        return math.sqrt(sum(one**2 for one in self.deviations) / len(self.deviations))

    @property
    def level(self) -> float:
        """Share of further repeats that lie within the range of these: (K - 1) / (K + 1)."""
        count = len(self.deviations)
        return (count - 1) / (count + 1)

    def around(self, value: float) -> Interval:
        """From the lowest to the highest repeat, the value itself always within."""
        return value + min(0.0, *self.deviations), value + max(0.0, *self.deviations)


def repeated(
    measure: Measure, first: Scene, repeats: Sequence[Scene], quantities: Iterable[str]
) -> dict[str, Doubt]:
    """Measure on the first outlines and on every repeat, all on one grid.

    Raises
    ------
    NotMeasurable
        ``outlines_unstable`` when half of the repeats or more cannot be measured.
    """
    base = measure(first)
    found: list[Geometry] = []
    for scene in repeats:
        try:
            found.append(measure(scene))
        except NotMeasurable:
            continue
    if len(found) <= _LOST_SHARE * len(repeats):
        raise NotMeasurable("outlines_unstable")
    if len(found) < 2:
        return {}
    return {
        name: Doubt(tuple(quantity_of(one, name) - quantity_of(base, name) for one in found))
        for name in dict.fromkeys(quantities)
        if name == "value" or all(name in one.quantities for one in (base, *found))
    }


def calibrated(value: float, spread: float, floor: float, factor: float) -> Interval:
    """``value +- factor * sqrt(floor**2 + spread**2)``, as a model card's calibration asks."""
    half = factor * math.hypot(floor, spread)
    return value - half, value + half


def scaled(doubts: Mapping[str, Doubt], scale: float) -> dict[str, Doubt]:
    """The same in another unit, for lengths."""
    return {
        name: Doubt(tuple(scale * one for one in doubt.deviations))
        for name, doubt in doubts.items()
    }
