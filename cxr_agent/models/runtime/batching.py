"""Any number of tiles through a network that takes only so many at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from cxr_agent.errors import ModelError
from cxr_agent.models.runtime.network import Arrays, Network


class Batches:
    """Cuts tiles into batches, and halves them when the memory is full.

    The size that fitted is remembered, so one full memory costs one failed run. One such object
    belongs to one model on one device and may be shared between threads.

    Parameters
    ----------
    most
        Tiles of one batch to begin with.
    smaller
        Told the new size whenever it shrinks.
    """

    def __init__(self, most: int, smaller: Callable[[int], None] = lambda size: None) -> None:
        self._size = most
        self._smaller = smaller
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Tiles of one batch at present."""
        return self._size

    def run(self, network: Network, tiles: Arrays) -> dict[str, Arrays]:
        """As :meth:`~cxr_agent.models.runtime.network.Network.run`, for any N.

        Raises
        ------
        ModelError
            ``out_of_memory``: not even one tile fits.
        """
        parts: list[dict[str, Arrays]] = []
        start = 0
        while start < len(tiles) or not parts:  # no tile at all still gives arrays of its shape
            batch = tiles[start : start + self._size]
            try:
                parts.append(network.run(batch))
            except MemoryError:
                # Left before the next attempt: the error's frames hold what fills the memory.
                full = True
            else:
                full = False
                start += len(batch)
            if full:
                self._shrink(len(batch), network.card.id)
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _shrink(self, tried: int, model: str) -> None:
        if tried <= 1:
            raise ModelError(
                "out_of_memory",
                f"the memory does not suffice to run {model} on one film",
                hint="Free memory, or take --device cpu if this was a GPU.",
            )
        with self._lock:
            if tried // 2 >= self._size:
                return  # another thread was here
            self._size = tried // 2
        self._smaller(tried // 2)
