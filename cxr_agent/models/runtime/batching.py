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
        """As :meth:`~cxr_agent.models.runtime.network.Network.run`, for any N from 1.

        Raises
        ------
        ModelError
            ``out_of_memory``: not even one tile fits.
        """
        if not len(tiles):
            raise ValueError("no tiles")
        found: dict[str, Arrays] = {}
        start = 0
        while start < len(tiles):
            batch = tiles[start : start + self._size]
            try:
                part = network.run(batch)
            except MemoryError:
                part = None  # the error ends here: its frames hold what fills the memory
            if part is None:
                self._shrink(len(batch), network.card.id)
                continue
            if len(batch) == len(tiles):
                return part
            for name, array in part.items():
                if not start:
                    found[name] = np.empty((len(tiles), *array.shape[1:]), dtype=np.float32)
                found[name][start : start + len(batch)] = array
            start += len(batch)
        return found

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
