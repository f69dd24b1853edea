"""The protocol planner: the systematic reading of ``kb/protocol.toml``, always in one order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cxr_agent.errors import ConfigError
from cxr_agent.knowledge import load
from cxr_agent.planning.planner import Decision, Situation, refused
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.registry import Registry


class Step(BaseModel):
    """One tool of the protocol and the films that it is run on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str
    films: Literal["all", "current", "prior", "pairs"]
    """Pairs are of each current film with each prior."""
    needs: str | None = None
    """A tool that must have answered before, for the film or for both films."""
    always: bool = False
    """Whether it runs before any planner is asked: no planner may leave it out."""


class Protocol(BaseModel):
    """``kb/protocol.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    step: tuple[Step, ...]


@lru_cache(maxsize=1)
def load_protocol() -> Protocol:
    """Read and check the protocol.

    Raises
    ------
    ConfigError
        ``bad_definition``.
    """
    try:
        return Protocol.model_validate(load("protocol"))
    except ValidationError:
        raise ConfigError("bad_definition", "kb/protocol.toml is malformed") from None


class ProtocolPlanner:
    """Needs no model: for each film in turn, then each pair, each step whose needs are met, once.

    Parameters
    ----------
    always_only
        Make only the steps that no planner may leave out.
    """

    corrigible = False

    def __init__(self, protocol: Protocol | None = None, *, always_only: bool = False) -> None:
        self._protocol = protocol or load_protocol()
        self._always_only = always_only

    @property
    def name(self) -> str:
        return f"protocol {self._protocol.version}"

    def decide(self, situation: Situation) -> Decision:
        tried = {(o.call.tool, o.call.films) for o in situation.outcomes}
        for films in _in_order(situation):
            for step in self._protocol.step:
                if (
                    step.tool in situation.tools
                    and (step.always or not self._always_only)
                    and _applies(step, films, situation)
                    and (step.tool, films) not in tried
                    # A need that failed does not hide the step: the tool then abstains for the
                    # missing mask, and the report says so.
                    and all(step.needs is None or (step.needs, (film,)) in tried for film in films)
                ):
                    return Decision((_call(step, films),), "protocol_order", by=self.name)
        return Decision((), "protocol_done", by=self.name)


def calls_on_prior(handle: str, currents: Sequence[str], registry: Registry) -> list[ToolCall]:
    """Everything that the protocol does on a prior, and with it, in its order."""
    steps = [step for step in load_protocol().step if registry.get(step.tool) is not None]
    alone = [_call(step, (handle,)) for step in steps if step.films in ("all", "prior")]
    paired = [step for step in steps if step.films == "pairs"]
    return alone + [_call(step, (film, handle)) for film in currents for step in paired]


def _in_order(situation: Situation) -> Iterator[tuple[str, ...]]:
    """Each film, then each current film with each prior; nothing that is unreadable."""
    unreadable = refused(situation.outcomes)
    currents = [handle for handle in situation.current if handle not in unreadable]
    priors = [handle for handle in situation.priors if handle not in unreadable]
    yield from ((handle,) for handle in (*currents, *priors))
    yield from product(currents, priors)


def _applies(step: Step, films: tuple[str, ...], situation: Situation) -> bool:
    if len(films) > 1:
        return step.films == "pairs"
    if step.films == "all":
        return True
    return step.films == ("prior" if films[0] in situation.priors else "current")


def _call(step: Step, films: tuple[str, ...]) -> ToolCall:
    return ToolCall(step.tool, dict(zip(("film", "prior"), films, strict=False)))
