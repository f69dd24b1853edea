"""A planner that makes the calls it was given: those that a question or a correction asks for."""

from __future__ import annotations

from collections.abc import Sequence

from cxr_agent.planning.planner import Decision, Situation
from cxr_agent.toolbox.arguments import ToolCall


class Queue:
    """Makes all its calls at once, then is done."""

    corrigible = False

    def __init__(self, calls: Sequence[ToolCall], rationale: str = "question") -> None:
        self._calls = tuple(calls)
        self._rationale = rationale

    @property
    def name(self) -> str:
        return "queue"

    def decide(self, situation: Situation) -> Decision:
        made = {(o.call.tool, o.call.films) for o in situation.outcomes}
        left = [c for c in self._calls if (c.tool, c.films) not in made]
        return Decision(tuple(left), self._rationale)
