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
        kinds = dict(zip(KINDS, map(float, found["kind"][0]), strict=True))
        flags = dict(zip(FLAGS, map(float, found["flags"][0]), strict=True))
        turns = dict(zip(TURNS, map(float, found["turn"][0]), strict=True))
        return Look(**kinds, turns=turns, **flags)
