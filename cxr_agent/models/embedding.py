"""The embedded image embedding: a film as a point among films."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_agent.models.runtime.network import Network
from cxr_agent.models.tile import make_tile
from cxr_agent.study import FloatImage

MODEL_ID: Final = "embedding"


@dataclass(frozen=True, slots=True)
class Embedded:
    """Several films."""

    vectors: FloatImage
    """(N, dimensions), of unit length: the dot product of two is their likeness."""
    strangeness: tuple[float, ...]
    """One minus the likeness to the nearest centre of the training films, in [0, 2]."""


class EmbeddingModel:
    """Embeds frontal films.

    Parameters
    ----------
    network
        That of the card ``embedding``.
    """

    def __init__(self, network: Network) -> None:
        self.card = network.card
        self._network = network

    def embed(self, films: Sequence[FloatImage]) -> Embedded:
        """Embed films of any size, together.

        Parameters
        ----------
        films
            Each (rows, columns) float32 in [0, 1], bone white; at least one.
        """
        tiles = np.stack([make_tile(pixels, self.card.input_size)[0] for pixels in films])
        found = self._network.run(tiles[:, None])
        return Embedded(found["embedding"], tuple(map(float, found["strangeness"])))
