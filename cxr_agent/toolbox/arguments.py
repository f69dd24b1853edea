"""Turning what a planner asks for into what a tool is called with: closed names, handles only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from cxr_agent.errors import ToolError
from cxr_agent.knowledge import members
from cxr_agent.study import Image, Study
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.contract import (
    Abstain,
    MaskGroup,
    Parameter,
    ParameterKind,
    Prior,
    ToolSpec,
)
from cxr_agent.toolbox.isolation.host import ToolHost

NAMED: Final = (ParameterKind.FILM, ParameterKind.PRIOR, ParameterKind.CHOICE)
"""What a planner fills in."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A planner's wish: a tool by name, a film by handle, choices by value."""

    tool: str
    arguments: dict[str, str | bool] = field(default_factory=dict)

    @property
    def films(self) -> tuple[str, ...]:
        """Handles of the films that it is on: the current one, then the prior, of a comparison."""
        named = (self.arguments.get(name) for name in ("film", "prior"))
        return tuple(handle for handle in named if isinstance(handle, str))


@dataclass(frozen=True, slots=True)
class Bound:
    """Arguments ready for the call, and the film they are about."""

    film: Image
    keywords: dict[str, Any]
    host: ToolHost = field(default_factory=ToolHost)
    """Who runs the tool, where that is isolated."""


def bind(spec: ToolSpec, call: ToolCall, bench: Bench) -> Bound:
    """Check a call and fill it in.

    Raises
    ------
    ToolError
        ``bad_arguments`` for a name, handle or value outside the contract.
    Abstain
        ``mask_missing`` when a mask that the tool needs was not outlined, ``no_store`` without a
        store of films, ``no_vlm`` without a vision-language model.
    """
    _check_names(spec, call)
    film = _film(spec, call, bench.study)
    keywords: dict[str, Any] = {}
    for parameter in spec.parameters:
        match parameter.kind:
            case ParameterKind.FILM:
                keywords[parameter.name] = film
            case ParameterKind.PRIOR:
                prior = _prior(spec, parameter, call, bench.study)
                keywords[parameter.name] = Prior(
                    prior, bench.masks(prior.handle), bench.placed(prior.handle)
                )
            case ParameterKind.PLACED:
                keywords[parameter.name] = bench.placed(film.handle)
            case ParameterKind.SHELF:
                keywords[parameter.name] = bench.shelf
            case ParameterKind.LIBRARY:
                if bench.library is None:
                    raise Abstain(spec.subject, "no_store")
                keywords[parameter.name] = bench.library
            case ParameterKind.CONSULTATION:
                if bench.consultation is None:
                    raise Abstain(spec.subject, "no_vlm")
                keywords[parameter.name] = bench.consultation
            case ParameterKind.MASK | ParameterKind.OPTIONAL_MASK:
                mask = bench.mask(film.handle, parameter.name)
                if mask is None and parameter.kind is ParameterKind.MASK:
                    raise Abstain(spec.subject, "mask_missing")
                keywords[parameter.name] = mask
            case ParameterKind.GROUP:
                found = {name: bench.mask(film.handle, name) for name in members(parameter.name)}
                keywords[parameter.name] = MaskGroup(
                    {name: mask for name, mask in found.items() if mask is not None}
                )
            case ParameterKind.CHOICE:
                keywords[parameter.name] = _choice(spec, parameter, call)
    return Bound(film, keywords, bench.host)


def refusal_of(spec: ToolSpec, call: ToolCall, study: Study) -> str | None:
    """The reason code why a call is outside the contract, before anything runs."""
    try:
        _check_names(spec, call)
        _film(spec, call, study)
        for parameter in spec.parameters:
            if parameter.kind is ParameterKind.CHOICE:
                _choice(spec, parameter, call)
            elif parameter.kind is ParameterKind.PRIOR:
                _prior(spec, parameter, call, study)
    except ToolError as error:
        return error.code
    return None


def _check_names(spec: ToolSpec, call: ToolCall) -> None:
    planned = {p.name for p in spec.parameters if p.kind in NAMED}
    for name in call.arguments:
        if name not in planned:
            raise _bad(spec, f"it takes no argument {name[:40]!r}")


def _film(spec: ToolSpec, call: ToolCall, study: Study) -> Image:
    handle = call.arguments.get(spec.film_parameter.name)
    if not isinstance(handle, str) or handle not in study.handles:
        raise _bad(spec, f"its {spec.film_parameter.name} must be one of the study's handles")
    film = study.image(handle)
    if spec.prior_parameter is not None and film.is_prior:
        raise _bad(spec, f"its {spec.film_parameter.name} must be a current film")
    return film


def _prior(spec: ToolSpec, parameter: Parameter, call: ToolCall, study: Study) -> Image:
    handle = call.arguments.get(parameter.name)
    if handle not in [prior.handle for prior in study.priors]:
        raise _bad(spec, f"its {parameter.name} must be one of the study's prior films")
    return study.image(str(handle))


def _choice(spec: ToolSpec, parameter: Parameter, call: ToolCall) -> Any:
    if parameter.name not in call.arguments:
        if parameter.default is not parameter.empty:
            return parameter.default
        raise _bad(spec, f"it needs {parameter.name}")
    given = call.arguments[parameter.name]
    for choice in parameter.choices:
        if given is choice or (isinstance(choice, Enum) and given == choice.value):
            return choice
        if isinstance(choice, str) and given == choice:  # of a contract read from a manifest
            return choice
    raise _bad(spec, f"{parameter.name} must be one of its listed values")


def _bad(spec: ToolSpec, why: str) -> ToolError:
    return ToolError("bad_arguments", f"{spec.name}: {why}")
