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

# Okabe and Ito's palette, which stays apart under every common colour blindness. A structure has
# the same colour on every page; what has none takes the rest in turn.
STRUCTURE_COLOURS: Final = {
    "right_lung": "#56b4e9",
    "left_lung": "#009e73",
    "heart": "#e8600c",
    "left_clavicle": "#f0e442",
    "right_clavicle": "#cc79a7",
}
OTHER_COLOURS: Final = ("#e69f00", "#7fa8ff", "#b3e3c4", "#ffb3a7", "#d7c6ff", "#bfbfbf")


def rgb(colour: str) -> Colour:
    """Red, green and blue of ``#rrggbb``."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
