"""Tools as a language model is offered them: OpenAI's function schemas, made from contracts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from cxr_agent.toolbox.arguments import NAMED
from cxr_agent.toolbox.contract import Parameter, ParameterKind, ToolSpec
from cxr_agent.trace import FINISH

Schema = dict[str, Any]


def schemas(
    specs: Iterable[ToolSpec], currents: Sequence[str], priors: Sequence[str] = ()
) -> list[Schema]:
    """One schema per tool, and one to finish with; a tool that compares only where it can.

    Parameters
    ----------
    currents, priors
        Handles of the films that may be looked at: nothing else can be named.
    """
    offered = [s for s in specs if s.prior_parameter is None or (currents and priors)]
    return [*(_schema(spec, currents, priors) for spec in offered), _FINISH]


def _schema(spec: ToolSpec, currents: Sequence[str], priors: Sequence[str]) -> Schema:
    films = currents if spec.prior_parameter is not None else (*currents, *priors)
    handles = {ParameterKind.FILM: films, ParameterKind.PRIOR: priors}
    planned = [p for p in spec.parameters if p.kind in NAMED]
    return {
        "type": "function",
        "function": {
            "name": spec.name,
            "description": spec.purpose,
            "parameters": {
                "type": "object",
                "properties": {p.name: _property(p, handles.get(p.kind)) for p in planned},
                "required": [p.name for p in planned if p.default is p.empty],
                "additionalProperties": False,
            },
        },
    }


def _property(parameter: Parameter, handles: Sequence[str] | None) -> Schema:
    if handles is not None:
        return {"type": "string", "enum": list(handles)}
    values = [choice.value if isinstance(choice, Enum) else choice for choice in parameter.choices]
    return {
        "type": "boolean" if isinstance(values[0], bool) else "string",
        "enum": values,
    }


_FINISH: Schema = {
    "type": "function",
    "function": {
        "name": FINISH,
        "description": "End: no further tool is needed.",
        "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
    },
}
