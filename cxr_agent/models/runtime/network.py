"""What every back end gives: a network that takes tiles and names its outputs."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_agent.models.card import ModelCard

Arrays = NDArray[np.float32]


class Network(Protocol):
    """A loaded network, or one that loads when first run; safe to share between threads."""

    @property
    def card(self) -> ModelCard: ...

    def run(self, tiles: Arrays) -> dict[str, Arrays]:
        """Run a batch.

        Parameters
        ----------
        tiles
            (N, 1, S, S) float32, N at least 1, prepared by :mod:`cxr_agent.models.tile`; S is the
            card's ``input_size``.

        Returns
        -------
        dict
            The card's ``outputs`` by name, float32, each with N as its first axis.

        Raises
        ------
        MemoryError
            The batch does not fit; a smaller one may.
        """
        ...
