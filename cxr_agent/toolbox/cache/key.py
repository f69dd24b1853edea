"""The key of a call: a hash of everything that its result depends on."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import Any, Final

from cxr_agent.errors import CxrAgentError
from cxr_agent.knowledge import in_force
from cxr_agent.models import catalogue
from cxr_agent.models.shelf import Shelf
from cxr_agent.models.store import list_cards, load_card
from cxr_agent.toolbox.arguments import Bound
from cxr_agent.toolbox.cache.content import MaskDigests, digest_of, film_content, film_place
from cxr_agent.toolbox.cache.program import (
    code_identity,
    environment_identity,
    program_identity,
)
from cxr_agent.toolbox.contract import (
    Mask,
    MaskGroup,
    Parameter,
    ParameterKind,
    Placed,
    Prior,
    ToolSpec,
)
from cxr_agent.toolbox.isolation.places import Endpoint, Isolation, OwnEnvironment

FORMAT: Final = 4
"""Raised with every change of what keys or entries hold."""
_OURS: Final = "cxr_agent.tools."


def key_of(spec: ToolSpec, bound: Bound, shelf: Shelf, digests: MaskDigests) -> str | None:
    """SHA-256 in hex; None for a call whose result cannot be kept.

    That is one that is not deterministic, that looks into a store of films, that runs behind an
    address, whose code is in no file, or whose model, masks or environment cannot be told.
    """
    code = code_identity(spec.function)
    if code is None or spec.needs_library or not spec.deterministic:
        return None
    if isinstance(spec.isolation, Endpoint):
        return None
    try:
        place = _place(spec.isolation)
        models = {name: _model(name, spec, shelf) for name in sorted(_models(spec, bound))}
        arguments = {
            parameter.name: _argument(parameter, spec, bound, shelf, digests)
            for parameter in spec.parameters
        }
    except (CxrAgentError, ValueError, OSError):
        return None  # who runs the model, or takes the mask, says what is wrong with it
    changed = {name: [one.value, one.source] for name, one in in_force().items()}
    return digest_of(
        {
            "format": FORMAT,
            "program": program_identity(),
            "tool": [spec.name, spec.version, spec.function.__module__, code],
            "place": place,
            "models": models,
            "thresholds": changed,
            "arguments": arguments,
        }
    )


def _place(isolation: Isolation | None) -> Any:
    """What an environment of the tool's own has installed; a process has what this one has."""
    if isinstance(isolation, OwnEnvironment):
        return [isolation.record(), environment_identity(isolation.interpreter)]
    return None if isolation is None else isolation.record()


def _argument(
    parameter: Parameter, spec: ToolSpec, bound: Bound, shelf: Shelf, digests: MaskDigests
) -> Any:
    match bound.keywords[parameter.name]:
        case Mask() as mask:
            return digests.of(mask)
        case MaskGroup() as group:
            return digests.of_all(group)
        case Placed() as placed:
            return _points(placed)
        case Prior() as prior:
            return {
                "film": film_content(prior.film) | film_place(prior.film),
                "masks": digests.of_all(prior.masks),
                "placed": _points(prior.placed),
            }
        case Enum() as choice:
            return [type(choice).__name__, choice.value]
        case bool() | None as value:
            return value
    if parameter.kind is ParameterKind.SHELF:
        kind = type(shelf)
        return [kind.__module__, kind.__qualname__, shelf.runtime.device.kind, shelf.runtime.form]
    film = bound.film
    # Ours look at the film alone; what an added tool makes of its place in the study is its own.
    ours = spec.function.__module__.startswith(_OURS)
    return film_content(film) | ({} if ours else film_place(film))


def _points(placed: Placed) -> dict[str, list[float]]:
    return {name: list(point) for name, point in placed.items()}


def _models(spec: ToolSpec, bound: Bound) -> set[str]:
    """Every model whose weights or card can count: the tool's, and those that drew its masks."""
    found = {mask.model for mask in _masks(bound) if mask.model is not None}
    stated = spec.model or spec.pretrained
    if stated is not None:
        found.add(stated)
    elif any(parameter.kind is ParameterKind.SHELF for parameter in spec.parameters):
        # It takes what it likes, and what was pulled decides what there is to take.
        found |= {card.id for card in list_cards()} | set(catalogue.upgrades())
    return found


def _masks(bound: Bound) -> Iterator[Mask]:
    for argument in bound.keywords.values():
        match argument:
            case Mask():
                yield argument
            case MaskGroup():
                yield from argument.values()
            case Prior():
                yield from argument.masks.values()


def _model(name: str, spec: ToolSpec, shelf: Shelf) -> list[Any]:
    """Hashes of a model's files, and its card, which holds limits and calibrations."""
    if name == spec.model and spec.weights_sha256 is not None:
        return [spec.weights_sha256]
    if name in catalogue.upgrades():
        found = catalogue.installed(name)
        return [] if found is None else [[one.name, one.sha256] for one in found.files]
    return [shelf.weights_sha256(name), _card_sha256(name)]


@cache
def _card_sha256(name: str) -> str:
    """Of what a card says; like the card itself, looked at once in a process."""
    return digest_of(load_card(name).model_dump(mode="json"))
