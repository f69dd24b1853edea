"""How arrays come into a GPU's memory and back while it computes.

A GPU copies beside what it computes, but only from and to memory that the system does not move
(pinned), and only in another stream than the one that computes. Tested with fakes in place of
``torch.cuda``, not on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from cxr_agent.models.runtime.network import Arrays

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Streams:
    """The streams of one GPU; each run has one to itself for as long as it takes.

    As few are made as there were runs at the same time: torch keeps freed memory by stream.
    """

    def __init__(self, place: torch.device) -> None:
        self._place = place
        self._idle: list[Any] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        """A stream for what is done inside the block."""
        import torch

        try:
            stream = self._idle.pop()
        except IndexError:
            stream = torch.cuda.Stream(self._place)  # type: ignore[no-untyped-call]
        try:
            with torch.cuda.stream(stream):
                yield
        finally:
            self._idle.append(stream)


def sent(tiles: Arrays, place: torch.device) -> Tensor:
    """The tiles on the GPU, or on their way: what is done with them in this stream waits."""
    import torch

    pinned = torch.from_numpy(np.ascontiguousarray(tiles)).pin_memory()
    return pinned.to(place, non_blocking=True)


def fetched(outputs: Sequence[Tensor]) -> list[Arrays]:
    """What a network gave, as float32 in this machine's memory.

    All outputs are on their way before the first one is waited for.
    """
    import torch

    found: list[Tensor] = []
    for output in outputs:
        host = torch.empty(output.shape, dtype=torch.float32, pin_memory=True)
        found.append(host.copy_(output.float().contiguous(), non_blocking=True))
    torch.cuda.current_stream().synchronize()
    return [host.numpy() for host in found]
