"""What a planner is given and what it gives: closed names and opaque handles, nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from cxr_agent.evidence import Evidence
from cxr_agent.language import Exchange, Message, Prompt
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
class Tried:
    """A call that a planner asked for, and what came of it."""

    turn: int
    """Number of the decision; calls of one decision share it."""
    planner: str
    call: ToolCall
    outcome: Outcome | None = None
    refusal: str | None = None
    """Reason code why it was not made."""


@dataclass(frozen=True, slots=True)
class FilmFacts:
    """What may be said of a film to anyone."""

    handle: str
    view: str
    in_millimetres: bool
    """Whether lengths on it can be given in mm."""
    days_before: int | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a planner sees: no path, no UID, no text that came with the study."""

    current: tuple[str, ...]
    """Handles of the current films."""
    priors: tuple[str, ...]
    tools: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    tried: tuple[Tried, ...] = ()
    """Every call of this reading, refused ones too; ``outcomes`` are theirs."""
    known: tuple[Evidence, ...] = ()
    """All evidence so far."""
    films: tuple[FilmFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Consulted:
    """One exchange with a language model, as the trace records it."""

    purpose: str
    prompt: Prompt
    messages: tuple[Message, ...]
    exchange: Exchange
    images: int = 0
    of_film: bool = False
    """Whether the reply tells of a film, and so may hold a name that was read off it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The next calls, or none to finish, and why, from a closed list."""

    calls: tuple[ToolCall, ...]
    rationale: str
    by: str = ""
    """Who decided, where a planner leaves some decisions to another."""
    consulted: Consulted | None = None
    refusals: tuple[tuple[ToolCall, str], ...] = ()
    """What the planner could not make a call of, with the reason code."""


class PlannerFailed(Exception):  # noqa: N818 - an outcome, not an error
    """Raised by a planner that cannot go on.

    Parameters
    ----------
    code
        Of ``kb/wording/en/reasons.toml``.
    """

    def __init__(self, code: str, consulted: Consulted | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.consulted = consulted


class Planner(Protocol):
    """Chooses the steps of a reading."""

    @property
    def name(self) -> str:
        """As reports and traces write it."""

    @property
    def corrigible(self) -> bool:
        """Whether it is told of a refused call and may try another; else that ends its part."""

    def decide(self, situation: Situation) -> Decision:
        """The next step.

        Raises
        ------
        PlannerFailed
            When it has nothing more to say and is not done.
        """
