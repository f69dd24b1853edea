"""A network that answers as a test wants and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cxr_agent.models.card import ModelCard
from cxr_agent.models.runtime.network import Arrays

Answer = Callable[[Arrays], dict[str, Arrays]]


@dataclass
class ScriptedNetwork:
    """A :class:`~cxr_agent.models.runtime.network.Network`."""

    card: ModelCard
    answer: Answer
    """Tiles (N, 1, S, S) to outputs by name."""
    asked: list[Arrays] = field(default_factory=list)

    def run(self, tiles: Arrays) -> dict[str, Arrays]:
        self.asked.append(tiles)
        return self.answer(tiles)
