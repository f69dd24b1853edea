"""What a measurement looks at and what it gives: pure geometry, no limit and no wording.

Coordinates are continuous film pixels: pixel i covers i to i + 1, so the centre of the first one
is at 0.5. x grows to the right of the picture, which is the patient's left; y grows downwards.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cxr_agent.evidence import Box, Side
from cxr_agent.measure.extent import BoolMask, Extent

Point = tuple[float, float]
"""(x, y)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The outlines on one film, all on one grid."""

    masks: Mapping[str, BoolMask]
    """(rows, columns) bool by structure; what could not be outlined is missing, not empty."""
    field: Extent
    """The exposed part of the film on this grid: without the black border of collimation."""
    shape: tuple[int, int]
    """(rows, columns) of the grid."""
    placed: Mapping[str, Point] = dataclasses.field(default_factory=dict)
    """Landmarks that a reader put, by name, on this grid."""

    def point(self, name: str, found: Point) -> Point:
        """A landmark: where the reader has it, else where the outlines have it."""
        return self.placed.get(name, found)

    def mask(self, structure: str) -> BoolMask:
        """One outline.

        Raises
        ------
        NotMeasurable
            ``mask_missing``.
        """
        try:
            return self.masks[structure]
        except KeyError:
            raise NotMeasurable("mask_missing") from None

    def group(self, structures: tuple[str, ...]) -> dict[str, BoolMask]:
        """Those of some structures that were outlined, in their order."""
        return {name: self.masks[name] for name in structures if name in self.masks}


@dataclass(frozen=True, slots=True)
class Line:
    """One drawn step of a measurement."""

    name: str
    points: tuple[Point, ...]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Geometry:
    """One measured value and everything that it was made of."""

    value: float
    """A ratio, an angle in degrees, a count, or a length in pixels, as the definition says."""
    quantities: Mapping[str, float] = field(default_factory=dict)
    """What conditions and comparisons speak of, by name. Lengths are shares of something unless
    the name ends in ``_px``."""
    landmarks: Mapping[str, Point] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    """In the order in which a reader would draw them."""
    lengths: Mapping[str, Point] = field(default_factory=dict)
    """Lengths worth giving in millimetres: (dx, dy) in pixels, by a code of the vocabulary. For a
    definition whose unit is mm, the one named ``value`` is the value."""
    side: Side | None = None
    box: Box | None = None
    remarks: tuple[str, ...] = ()
    """Codes of ``kb/wording/en/reasons.toml`` that the value must be read with."""


class NotMeasurable(Exception):  # noqa: N818 - an outcome, not an error
    """A landmark that the measurement needs is not there.

    Parameters
    ----------
    code
        Of ``kb/wording/en/reasons.toml``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


Measure = Callable[[Scene], Geometry]
"""What every measurement is; it may raise :class:`NotMeasurable`."""
