"""How many workers of which kind each machine gets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LANES_PER_LOADER: Final = 4
"""Studies read at a time that one decoding process feeds: decoding takes a ninth of the time of
reading on a core (``benchmarks/RESULTS.md``), compressed films take longer."""


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster, with what it has altogether."""

    id: str
    cpus: float
    gpus: float


@dataclass(frozen=True, slots=True)
class Need:
    """What one reading process takes."""

    cpus: float
    gpus: float
    lanes: int
    """Studies that it reads at the same time."""


@dataclass(frozen=True, slots=True)
class Share:
    """Workers of one machine."""

    loaders: int = 0
    readers: int = 0


def shares(nodes: Sequence[Node], need: Need, most: int | None) -> dict[str, Share]:
    """Deal out workers.

    Readers go wherever they fit. Decoding happens where it is read, so that no film crosses the
    network; but where readers need a GPU and there are machines without one, these decode.

    Parameters
    ----------
    most
        Readers at most; without it, as many as fit.

    Returns
    -------
    dict
        By machine; those with nothing to do are not in it.
    """
    readers = _dealt(most, {node.id: _room(node, need) for node in nodes})
    decoding = {node.id: int(node.cpus) for node in nodes if need.gpus and not node.gpus}
    if any(decoding.values()):
        lanes = need.lanes * sum(readers.values())
        loaders = _dealt(math.ceil(lanes / LANES_PER_LOADER), decoding)
    else:
        loaders = {
            node: math.ceil(need.lanes * count / LANES_PER_LOADER)
            for node, count in readers.items()
        }
    return {
        node: Share(loaders.get(node, 0), readers.get(node, 0))
        for node in sorted({*loaders, *readers})
    }


def _room(node: Node, need: Need) -> int:
    by_cpus = int(node.cpus / need.cpus)
    return min(by_cpus, int(node.gpus / need.gpus)) if need.gpus else by_cpus


def _dealt(most: int | None, rooms: Mapping[str, int]) -> dict[str, int]:
    """One to each in turn, until there is no room or ``most`` are dealt."""
    total = sum(rooms.values()) if most is None else min(most, sum(rooms.values()))
    dealt = dict.fromkeys(rooms, 0)
    while total:
        for node, room in rooms.items():
            if total and dealt[node] < room:
                dealt[node] += 1
                total -= 1
    return {node: count for node, count in dealt.items() if count}
