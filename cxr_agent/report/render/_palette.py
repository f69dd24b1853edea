"""Colours of what is drawn over a film."""

from __future__ import annotations

from typing import Final

Colour = tuple[int, int, int]

SHADOW: Final[Colour] = (0, 0, 0)
COLOURS: Final[tuple[Colour, ...]] = (
    (255, 213, 74),
    (102, 217, 255),
    (255, 138, 128),
    (165, 214, 167),
    (206, 147, 216),
    (255, 171, 64),
)
