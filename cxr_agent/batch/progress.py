"""How far a batch has come."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

_RECENT: Final = 200
"""Studies that the rate is taken over: the first ones wait for models to load."""


@dataclass(slots=True)
class Progress:
    """Counts of studies, and the rate of this session."""

    total: int = 0
    """Studies of the batch."""
    settled: int = 0
    """Of them, those with a result, also from earlier sessions."""
    refused: int = 0
    failed: int = 0
    lost: int = 0
    """Attempts of this session that ended with their worker, by a crash, a hang or a kill."""
    here: int = 0
    """Studies settled in this session."""
    to_do: int = 0
    """Studies that this session was to settle when it began."""
    began: float = field(default_factory=time.monotonic)
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))

    def settle(self, *, refused: bool, failed: bool) -> None:
        """Count a study."""
        self.settled += 1
        self.here += 1
        self.refused += refused
        self.failed += failed
        self._recent.append(time.monotonic())

    @property
    def seconds(self) -> float:
        """Of this session."""
        return time.monotonic() - self.began

    @property
    def rate(self) -> float:
        """Studies per second of late; 0 before two of them are settled."""
        if len(self._recent) < 2:
            return 0.0
        return (len(self._recent) - 1) / max(self._recent[-1] - self._recent[0], 1e-9)

    @property
    def remaining_s(self) -> float | None:
        """Seconds until this session is done at the rate of late; None while that is unknown."""
        return (self.to_do - self.here) / self.rate if self.rate else None
