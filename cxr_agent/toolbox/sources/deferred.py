"""A tool whose contract is known from a manifest and whose code is imported when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from importlib.metadata import EntryPoint
from typing import Any

from cxr_agent.errors import CxrAgentError, ToolError
from cxr_agent.toolbox.arguments import Bound
from cxr_agent.toolbox.contract import ToolResult, ToolSpec
from cxr_agent.toolbox.limits import call_within
from cxr_agent.toolbox.sources.loading import quietly, tools_of


@dataclass(frozen=True, slots=True)
class Deferred:
    """Stands in for the function of a tool; can be sent to another process."""

    point: str
    value: str
    group: str
    tool: str
    version: str

    def __call__(self, **keywords: Any) -> ToolResult:
        """The tool's answer.

        Raises
        ------
        ToolError
            ``manifest_stale`` when the code has no such tool of that version.
        """
        spec = self.loaded()
        return spec.function(**_filled(spec, keywords))

    def loaded(self) -> ToolSpec:
        """The contract as the code has it; raises as a call does, and what an import raises."""
        point = EntryPoint(self.point, self.value, self.group)
        for spec in tools_of(quietly(point.load)):
            if (spec.name, spec.version) == (self.tool, self.version):
                return spec
        raise ToolError(
            "manifest_stale",
            f"{self.value} has no {self.tool} {self.version}, as its manifest says",
            hint="Write the manifest anew: cxr-agent tools show NAME --manifest.",
        )


def with_code(spec: ToolSpec) -> ToolSpec:
    """The contract as the code has it, where only its manifest was read; raises as a call does."""
    return spec.function.loaded() if isinstance(spec.function, Deferred) else spec


def ready(spec: ToolSpec, bound: Bound) -> tuple[ToolSpec, Bound]:
    """The contract as the code has it, with the arguments as the code takes them.

    From here on a tool of a manifest is one as any other: it is kept in the cache of results by its
    code, and it runs where its code asks to be run.

    Raises
    ------
    ToolError
        ``manifest_stale``; ``tool_timeout`` or ``tool_failed`` when its import does not end well.
    """
    if not isinstance(spec.function, Deferred):
        return spec, bound
    try:
        loaded = call_within(spec.time_limit_s, spec.name, spec.function.loaded)
    except CxrAgentError:
        raise
    except Exception as error:
        raise ToolError("tool_failed", f"{spec.function.value} cannot be imported") from error
    return loaded, replace(bound, keywords=_filled(loaded, bound.keywords))


def _filled(spec: ToolSpec, keywords: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {p.name: p.choices for p in spec.parameters if p.choices}
    return {
        name: _member(chosen[name], value) if name in chosen else value
        for name, value in keywords.items()
    }


def _member(choices: tuple[Any, ...], value: str | bool) -> Any:
    """The choice that the manifest writes as ``value``."""
    for choice in choices:
        if value == (choice.value if isinstance(choice, Enum) else choice):
            return choice
    raise ToolError("manifest_stale", f"{value!r} is none of the tool's choices")
