"""What goes to a language model and what comes back, before anyone believes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
"""A message in OpenAI's form: ``role``, ``content``, and for tools ``tool_calls``."""
Heard = Callable[[str], None]
"""Takes pieces of a reply as they arrive."""

OK = "ok"


@dataclass(frozen=True, slots=True)
class WantedCall:
    """A tool call as the model wrote it: nothing in it has been checked."""

    id: str
    tool: str
    arguments: str
    """JSON, or what the model took for it."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question to a model and whatever came of it. Trouble is an outcome, not an exception."""

    model: str
    outcome: str
    """``ok``, or a reason code that says why there is nothing to go by."""
    text: str = ""
    calls: tuple[WantedCall, ...] = ()
    attempts: int = 0
    """HTTP requests made."""
    tokens_in: int = 0
    tokens_out: int = 0
    """As the server counts; a quarter of the characters where it does not tell."""
    cost: float | None = None
    """US dollars, by LiteLLM's price list; None for a model that it does not know."""
    seconds: float = 0.0

    @property
    def fine(self) -> bool:
        return self.outcome == OK
