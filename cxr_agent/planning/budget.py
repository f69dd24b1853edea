"""How much a reading may cost before it must end with what it has."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final, Self

from cxr_agent.errors import ConfigError
from cxr_agent.knowledge import read_configuration
from cxr_agent.language import Exchange
from cxr_agent.toolbox.arguments import ToolCall


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one reading."""

    steps: int = 60
    seconds: float = 300.0
    repeats: int = 1
    """How often the same call may be made."""
    strikes: int = 3
    """Refused calls after which a planner is taken off the reading."""
    tokens: int = 60_000
    """Sent to a language model and got from it."""
    cost: float = 1.0
    """US dollars, where the price of the model is known."""

    @classmethod
    def configured(cls, config: Path | str | None = None) -> Self:
        """The budget with what ``[budget]`` of a configuration file sets.

        Raises
        ------
        ConfigError
            ``bad_config``, ``config_unreadable``.
        """
        given = read_configuration(config).get("budget", {})
        if not isinstance(given, dict):
            raise ConfigError("bad_config", "[budget] in the configuration is no table")
        shipped = cls()
        for name, value in given.items():
            default = getattr(shipped, name, None) if name in _NAMES else None
            whole = isinstance(value, int) and not isinstance(value, bool)
            fits = whole or (isinstance(value, float) and isinstance(default, float))
            if default is None or not fits or not 0 <= value < math.inf:
                raise ConfigError(
                    "bad_config",
                    f"[budget] in the configuration has a wrong {name[:40]!r}",
                    hint=f"It may hold numbers for {', '.join(_NAMES)}.",
                )
        return replace(shipped, **given)


_NAMES: Final = tuple(field.name for field in fields(Budget))


@dataclass(slots=True)
class Spending:
    """What a reading has used of its budget."""

    budget: Budget
    began: float = field(default_factory=time.monotonic)
    steps: int = 0
    strikes: int = 0
    tokens: int = 0
    cost: float = 0.0
    _calls: Counter[str] = field(default_factory=Counter)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def exhausted(self) -> str | None:
        """The reason code of the limit that is reached, if one is."""
        if self.steps >= self.budget.steps:
            return "budget_steps"
        return "budget_seconds" if self.seconds >= self.budget.seconds else None

    def may_not_ask(self) -> str | None:
        """The reason code why a language model is asked nothing more, if there is one."""
        if self.strikes >= self.budget.strikes:
            return "planner_derailed"
        if self.tokens >= self.budget.tokens:
            return "budget_tokens"
        return "budget_cost" if self.cost >= self.budget.cost else None

    def is_repeat(self, call: ToolCall, beside: Iterable[ToolCall] = ()) -> bool:
        """Whether this very call was made as often as it may be, those beside it counted."""
        made = self._calls[_key(call)] + sum(_key(other) == _key(call) for other in beside)
        return made >= self.budget.repeats

    def spend(self, call: ToolCall) -> None:
        self.steps += 1
        self.remember(call)

    def remember(self, call: ToolCall) -> None:
        """Count a call of an earlier turn, which costs nothing now."""
        self._calls[_key(call)] += 1

    def asked(self, exchange: Exchange) -> None:
        """Count what an exchange with a language model took."""
        self.tokens += exchange.tokens_in + exchange.tokens_out
        self.cost += exchange.cost or 0.0


def _key(call: ToolCall) -> str:
    return f"{call.tool}{sorted(call.arguments.items())}"
