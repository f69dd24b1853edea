"""A planner that does what it was told: for tests of plug-ins and of this program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cxr_agent.planning.planner import Decision, Situation
from cxr_agent.toolbox.arguments import ToolCall


@dataclass
class ScriptedPlanner:
    """Makes the given calls, then finishes; keeps every situation that it saw.

    An item of the script may be several calls, which are then made in one decision.
    """

    calls: Sequence[ToolCall | Sequence[ToolCall]]
    seen: list[Situation] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    """Called before each decision."""
    corrigible: bool = False

    @property
    def name(self) -> str:
        return "scripted"

    def decide(self, situation: Situation) -> Decision:
        self.before()
        self.seen.append(situation)
        place = len(self.seen) - 1
        if place >= len(self.calls):
            return Decision((), "script_done")
        item = self.calls[place]
        return Decision((item,) if isinstance(item, ToolCall) else tuple(item), "scripted")
