"""A tool's contract as plain facts: for lists, for pages, for programs."""

from __future__ import annotations

from enum import Enum
from typing import Any

from cxr_agent.knowledge import vocabulary
from cxr_agent.toolbox.contract import Parameter, ParameterKind, ToolSpec
from cxr_agent.toolbox.origin import Origin
from cxr_agent.toolbox.registry import lacking


def described(spec: ToolSpec, origin: Origin) -> dict[str, Any]:
    """Everything that its contract says, as JSON; the films, masks and choices by name."""
    commands = lacking(spec)
    return {
        "name": spec.name,
        "version": spec.version,
        "purpose": spec.purpose,
        "subject": spec.subject,
        "source": {"kind": origin.kind.value, "place": origin.place},
        "model": spec.model,
        "pretrained": spec.pretrained,
        "available": not commands,
        "enabled_by": commands,
        "parameters": [parameter_facts(parameter) for parameter in spec.parameters],
        "needs_masks": spec.required_masks,
        "provides_masks": spec.provides,
        "time_limit_s": spec.time_limit_s,
        "memory_mib": spec.memory_mib,
        "deterministic": spec.deterministic,
        "isolation": spec.isolation.record() if spec.isolation else None,
        "runs_in": str(spec.isolation) if spec.isolation else None,
    }


def subject_in_words(spec: ToolSpec) -> str:
    """What it answers: ``heart area share (measurement, unit 1)``."""
    term = vocabulary()[spec.subject]
    unit = spec.words[spec.subject].unit if spec.subject in spec.words else None
    return f"{term.name} ({term.kind}{f', unit {unit}' if unit else ''})"


def parameter_facts(parameter: Parameter) -> dict[str, Any]:
    """Name, kind, choices and default, as JSON."""
    facts: dict[str, Any] = {"name": parameter.name, "kind": parameter.kind.value}
    if parameter.kind is ParameterKind.CHOICE:
        facts["choices"] = [_plain(choice) for choice in parameter.choices]
        if parameter.default is not parameter.empty:
            facts["default"] = _plain(parameter.default)
    return facts


def _plain(choice: Any) -> Any:
    return choice.value if isinstance(choice, Enum) else choice
