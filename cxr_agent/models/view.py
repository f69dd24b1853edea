"""The embedded view model: what sort of picture this is and how it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cxr_agent.models.runtime.network import Network
from cxr_agent.models.tile import make_tile
from cxr_agent.study import FloatImage

MODEL_ID: Final = "view"
KINDS: Final = ("frontal", "lateral", "other")
TURNS: Final = (0, 90, 180, 270)
"""Degrees counter-clockwise by which an upright picture was turned."""
FLAGS: Final = ("ap", "mirrored", "inverted", "child")


@dataclass(frozen=True, slots=True)
class Look:
    """Probabilities about one picture."""

    frontal: float
    lateral: float
    other: float
    """No chest film."""
    turns: dict[int, float]
    """By degrees counter-clockwise that the picture was turned."""
    ap: float
    """Antero-posterior rather than postero-anterior."""
    mirrored: float
    inverted: float
    child: float

    @property
    def turn(self) -> int:
        """The likeliest turn in degrees."""
        return max(self.turns, key=lambda degrees: self.turns[degrees])

    @property
    def turned(self) -> float:
        """Probability that it does not stand upright."""
        return 1 - self.turns[0]


def look_of(kind: FloatImage, turn: FloatImage, flags: FloatImage) -> Look:
    """One picture's outputs of the network, each (classes,), by their names."""
    return Look(
        **dict(zip(KINDS, map(float, kind), strict=True)),
        turns=dict(zip(TURNS, map(float, turn), strict=True)),
        **dict(zip(FLAGS, map(float, flags), strict=True)),
    )


def unreadable(look: Look, limits: dict[str, float]) -> str | None:
    """The reason code for which a picture must not be read further, if there is one.

    Parameters
    ----------
    limits
        Of the card.
    """
    if look.other >= limits["other"]:
        return "not_frontal_chest"
    if look.lateral >= limits["lateral"]:
        return "side_view"
    if look.turned >= limits["turned"]:
        return "turned_picture"
    return "inverted_greys" if look.inverted >= limits["inverted"] else None


class ViewModel:
    """Looks at any picture.

    Parameters
    ----------
    network
        That of the card ``view``.
    """

    def __init__(self, network: Network) -> None:
        self.card = network.card
        self._network = network

    def look(self, pixels: FloatImage) -> Look:
        """Judge one picture.

        Parameters
        ----------
        pixels
            (rows, columns) float32 in [0, 1].
        """
        tile, _ = make_tile(pixels, self.card.input_size)
        found = self._network.run(tile[None, None])
        return look_of(found["kind"][0], found["turn"][0], found["flags"][0])
