"""What a planner is given and what it gives: closed names and opaque handles, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.execute import Outcome


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a planner sees: no path, no UID, no text that came with the study."""

    current: tuple[str, ...]
    """Handles of the current films."""
    priors: tuple[str, ...]
    tools: tuple[str, ...]
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """The next call, or None to finish, and why, from a closed list."""

    call: ToolCall | None
    rationale: str


class Planner(Protocol):
    """Chooses the steps of a reading."""

    @property
    def name(self) -> str:
        """As reports and traces write it."""

    def decide(self, situation: Situation) -> Decision:
        """The next step."""
