"""Planners that can be compared, by what they are called on the command line."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cxr_agent.errors import ConfigError, UsageError
from cxr_agent.planning.planner import Decision, Planner, Situation
from cxr_agent.planning.protocol import ProtocolPlanner
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.registry import Registry

PROTOCOL: Final = "protocol"
FIRST_LOOK: Final = "first-look"
RANDOM: Final = "random"
LLM: Final = "llm"
_SCRIPTED: Final = "scripted:"
_MOST_BYTES: Final = 100_000
_TOOLS_DRAWN: Final = 6
"""Calls of the random planner: about as many as a reading needs beyond its first look."""


class _Call(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
    arguments: dict[str, str | bool] = Field(default_factory=dict)


_SCRIPT: Final = TypeAdapter(Annotated[list[_Call | list[_Call]], Field(max_length=200)])


@dataclass(frozen=True, slots=True)
class ScriptPlanner:
    """Makes the calls of a script, one item of it in a decision, and keeps no state.

    The steps that no planner may leave out come first, as for a language model.
    """

    script: str
    calls: tuple[tuple[ToolCall, ...], ...]
    corrigible: bool = False

    @property
    def name(self) -> str:
        return f"scripted {self.script}"

    def decide(self, situation: Situation) -> Decision:
        first = FirstLook().decide(situation)
        if first.calls:
            return first
        made = [one.call for one in situation.tried]
        for item in self.calls:
            left = tuple(call for call in item if call not in made)
            if left:
                return Decision(left, "scripted")
        return Decision((), "script_done")


class FirstLook(ProtocolPlanner):
    """The steps that no planner may leave out, and nothing more."""

    def __init__(self) -> None:
        super().__init__(always_only=True)

    @property
    def name(self) -> str:
        return f"first look of {super().name}"


@dataclass(frozen=True, slots=True)
class RandomPlanner:
    """Draws tools that need no more than the current film: what choosing without knowledge gives.

    The draw hangs on the seed and on the film's handle alone, so that a reading can be repeated.
    """

    registry: Registry
    seed: int
    corrigible: bool = False

    @property
    def name(self) -> str:
        return f"random {self.seed}"

    def decide(self, situation: Situation) -> Decision:
        first = FirstLook().decide(situation)
        if first.calls:
            return first
        tried = [one.call for one in situation.tried]
        for handle in situation.current:
            calls = tuple(c for c in self._drawn(handle, situation.tools) if c not in tried)
            if calls:
                return Decision(calls, "drawn")
        return Decision((), "script_done")

    def _drawn(self, handle: str, tools: Sequence[str]) -> list[ToolCall]:
        able = sorted(
            spec.name for spec in self.registry if spec.name in tools and _takes_a_film_alone(spec)
        )
        drawn = random.Random(f"{self.seed} {handle}").sample(able, min(_TOOLS_DRAWN, len(able)))
        return [ToolCall(tool=name, arguments={"film": handle}) for name in drawn]


def _takes_a_film_alone(spec: ToolSpec) -> bool:
    more = spec.asked_only or spec.needs_library or spec.needs_vision
    return spec.prior_parameter is None and not more


def read_script(path: Path) -> ScriptPlanner:
    """A script: a JSON list of calls ``{"tool": ..., "arguments": {"film": "img-1"}}``, or of lists
    of calls that are made in one decision.

    Raises
    ------
    UsageError
        ``no_script``.
    ConfigError
        ``bad_script``.
    """
    try:
        items = _SCRIPT.validate_json(_read(path))
    except ValidationError:
        raise ConfigError(
            "bad_script",
            "the script of the planner is no list of calls",
            hint='[{"tool": "segment_anatomy", "arguments": {"film": "img-1"}}]',
        ) from None
    return ScriptPlanner(
        path.stem[:40],
        tuple(
            tuple(_call(one) for one in (item if isinstance(item, list) else [item]))
            for item in items
        ),
    )


def _call(one: _Call) -> ToolCall:
    return ToolCall(tool=one.tool, arguments=dict(one.arguments))


def shown_planner(name: str) -> str:
    """What a planner is called in results: of a script its name, and not where it lies."""
    if name.startswith(_SCRIPTED):
        return f"scripted {Path(name.removeprefix(_SCRIPTED)).stem[:40]}"
    return name


def script_digest(name: str) -> str:
    """Hash of the script of a planner; empty where it has none. Raises UsageError ``no_script``."""
    if not name.startswith(_SCRIPTED):
        return ""
    return hashlib.sha256(_read(Path(name.removeprefix(_SCRIPTED)))).hexdigest()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except OSError:
        raise UsageError(
            "no_script", "the script of the planner cannot be read", hint="scripted:FILE.json"
        ) from None


def planner_named(name: str, registry: Registry, seed: int) -> Planner | None:
    """The planner of a name; None for the language model, which the reader itself makes one of.

    Raises
    ------
    UsageError
        ``unknown_planner``, and as :func:`read_script`.
    """
    if name == PROTOCOL:
        return ProtocolPlanner()
    if name == FIRST_LOOK:
        return FirstLook()
    if name == RANDOM:
        return RandomPlanner(registry, seed)
    if name == LLM:
        return None
    if name.startswith(_SCRIPTED):
        return read_script(Path(name.removeprefix(_SCRIPTED)))
    raise UsageError(
        "unknown_planner",
        f"there is no planner {name[:40]!r}",
        hint=f"{PROTOCOL}, {FIRST_LOOK}, {RANDOM}, {_SCRIPTED}FILE.json, or {LLM} with --model.",
    )
