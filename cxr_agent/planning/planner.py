"""What a planner is given and what it gives: closed names and opaque handles, nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.execute import Outcome

UNREADABLE: Final = ("not_frontal_chest", "side_view", "turned_picture", "inverted_greys")
"""Abstentions that say a picture is nothing this program reads: no further tool looks at it."""


def refused(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Handles of films that a tool called unreadable, with its reason code."""
    return {
        str(outcome.call.arguments.get("film")): code
        for outcome in outcomes
        for code in outcome.codes
        if code in UNREADABLE
    }


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
