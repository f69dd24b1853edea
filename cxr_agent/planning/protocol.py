"""The protocol planner: the systematic reading of ``kb/protocol.toml``, always in one order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cxr_agent.errors import ConfigError
from cxr_agent.knowledge import load, vocabulary
from cxr_agent.planning.planner import Decision, Situation, refused
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.registry import Registry

_ANSWERED: Final = ("measurement", "finding", "region")
"""Kinds of what a plug-in can be asked for by the protocol."""


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
        tools = frozenset(situation.tools)
        for films in _in_order(situation):
            for step in self._protocol.step:
                if (
                    (step.tool, films) not in tried
                    and step.tool in tools
                    and (step.always or not self._always_only)
                    and _applies(step, films, situation)
                    # A need that failed does not hide the step: the tool then abstains for the
                    # missing mask, and the report says so.
                    and all(step.needs is None or (step.needs, (film,)) in tried for film in films)
                ):
                    return Decision((_call(step, films),), "protocol_order", by=self.name)
        return Decision((), "protocol_done", by=self.name)


def with_plug_ins(protocol: Protocol, registry: Registry) -> Protocol:
    """The protocol with a step at its end for each plug-in of the registry that it can place.

    That is one whose contract says what it answers: a measurement, a finding, or a structure that
    it outlines. All masks that it needs must have a source in the registry, and the protocol
    leaves every choice at its default. Who outlines goes before who needs the outline.
    """
    planned = {step.tool for step in protocol.step}
    waiting = [
        spec for spec in registry.plug_ins() if spec.name not in planned and _placeable(spec)
    ]
    others = [spec for spec in registry if spec not in waiting and not spec.asked_only]
    outlined = {name for spec in others for name in spec.provides}
    steps: list[Step] = []
    while ready := [spec for spec in waiting if outlined.issuperset(spec.required_masks)]:
        for spec in ready:
            pairs = spec.prior_parameter is not None
            steps.append(Step(tool=spec.name, films="pairs" if pairs else "current"))
            outlined.update(spec.provides)
        waiting = [spec for spec in waiting if spec not in ready]
    return protocol.model_copy(update={"step": (*protocol.step, *steps)})


def _placeable(spec: ToolSpec) -> bool:
    term = vocabulary().get(spec.subject)
    answers = bool(spec.provides) or (term is not None and term.kind in _ANSWERED)
    prior = spec.prior_parameter
    named = spec.film_parameter.name == "film" and (prior is None or prior.name == "prior")
    return answers and named and not spec.asked_only


def calls_on_prior(handle: str, currents: Sequence[str], registry: Registry) -> list[ToolCall]:
    """Everything that the protocol does on a prior, and with it, in its order."""
    protocol = with_plug_ins(load_protocol(), registry)
    steps = [step for step in protocol.step if registry.get(step.tool) is not None]
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
