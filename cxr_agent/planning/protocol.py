"""The protocol planner: the systematic reading of ``kb/protocol.toml``, always in one order."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cxr_agent.errors import ConfigError
from cxr_agent.knowledge import load
from cxr_agent.planning.planner import Decision, Situation, refused
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.execute import Outcome
from cxr_agent.toolbox.registry import Registry


class Step(BaseModel):
    """One tool of the protocol and the films that it is run on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str
    films: Literal["all", "current", "prior"]
    needs: str | None = None
    """A tool that must have answered for the film before."""
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
    """Needs no model: for each film in turn, each step whose needs are met, once.

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
        taken = {(o.call.tool, o.call.arguments.get("film")): o for o in situation.outcomes}
        unreadable = refused(situation.outcomes)
        for handle in (*situation.current, *situation.priors):
            if handle in unreadable:
                continue
            for step in self._protocol.step:
                if (
                    step.tool in situation.tools
                    and (step.always or not self._always_only)
                    and _applies(step, handle, situation)
                    and (step.tool, handle) not in taken
                    and _met(step, handle, taken)
                ):
                    call = ToolCall(step.tool, {"film": handle})
                    return Decision((call,), "protocol_order", by=self.name)
        return Decision((), "protocol_done", by=self.name)


def calls_on_prior(handle: str, registry: Registry) -> list[ToolCall]:
    """Everything that the protocol does on a prior, in its order."""
    return [
        ToolCall(step.tool, {"film": handle})
        for step in load_protocol().step
        if step.films != "current" and registry.get(step.tool) is not None
    ]


def _applies(step: Step, handle: str, situation: Situation) -> bool:
    if step.films == "all":
        return True
    return handle in (situation.current if step.films == "current" else situation.priors)


def _met(step: Step, handle: str, taken: dict[tuple[str, str | bool | None], Outcome]) -> bool:
    """Whether the step may be tried: what it needs was tried before it.

    A need that failed does not hide the step: the tool then abstains for the missing mask, and
    the report says so.
    """
    return step.needs is None or (step.needs, handle) in taken
