"""How much a reading may cost before it must end with what it has."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from cxr_agent.toolbox.arguments import ToolCall


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one reading."""

    steps: int = 60
    seconds: float = 300.0
    repeats: int = 1
    """How often the same call may be made."""


@dataclass(slots=True)
class Spending:
    """What a reading has used of its budget."""

    budget: Budget
    began: float = field(default_factory=time.monotonic)
    steps: int = 0
    _calls: Counter[str] = field(default_factory=Counter)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def exhausted(self) -> str | None:
        """The reason code of the limit that is reached, if one is."""
        if self.steps >= self.budget.steps:
            return "budget_steps"
        return "budget_seconds" if self.seconds >= self.budget.seconds else None

    def is_repeat(self, call: ToolCall) -> bool:
        """Whether this very call was made as often as it may be."""
        return self._calls[_key(call)] >= self.budget.repeats

    def spend(self, call: ToolCall) -> None:
        self.steps += 1
        self._calls[_key(call)] += 1


def _key(call: ToolCall) -> str:
    return f"{call.tool}{sorted(call.arguments.items())}"
