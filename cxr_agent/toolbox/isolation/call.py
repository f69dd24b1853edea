"""The arguments of a call as a message, and back.

What tells whose film it is stays here: the keyed hash of the patient is not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import numpy as np

from cxr_agent.knowledge import Threshold, in_force
from cxr_agent.study import AgeGroup, Image, Notice, PixelSpacing, SpacingKind, View
from cxr_agent.toolbox.contract import (
    Mask,
    MaskGroup,
    Parameter,
    ParameterKind,
    Placed,
    Prior,
    ToolSpec,
)
from cxr_agent.toolbox.isolation.message import BadMessage, Part, PlaneReader, PlaneWriter, message


def write_call(spec: ToolSpec, keywords: Mapping[str, Any]) -> tuple[list[Part], int]:
    """The message of a call, and the bytes that its planes take where they are read."""
    planes = PlaneWriter()
    head = {
        "tool": spec.name,
        "version": spec.version,
        "thresholds": {n: {"value": t.value, "source": t.source} for n, t in in_force().items()},
        "arguments": {name: _written(value, planes) for name, value in keywords.items()},
    }
    return message(head, planes), planes.unpacked_bytes


def _written(value: Any, planes: PlaneWriter) -> Any:
    match value:
        case Image():
            return _film(value, planes)
        case Mask():
            return _mask(value, planes)
        case MaskGroup():
            return _masks(value, planes)
        case Prior():
            return {
                "film": _film(value.film, planes),
                "masks": _masks(value.masks, planes),
                "placed": _points(value.placed),
            }
        case Placed():
            return _points(value)
        case Enum():
            return value.name
        case _:
            return value


def _film(film: Image, planes: PlaneWriter) -> dict[str, Any]:
    spacing = film.spacing
    return {
        "handle": film.handle,
        "sha256": film.sha256,
        "view": film.view.value,
        "view_source": film.view_source,
        "age_group": film.age_group.value,
        "spacing": spacing and [spacing.row_mm, spacing.column_mm, spacing.kind.value],
        "notices": [notice.value for notice in film.notices],
        "days_before": film.days_before,
        "pixels": planes.add(np.asarray(film.pixels, dtype=np.float32)),
    }


def _mask(mask: Mask, planes: PlaneWriter) -> dict[str, Any]:
    return {
        "structure": mask.structure,
        "model": mask.model,
        "plane": planes.add(mask.plane),
        "repeats": None if mask.repeats is None else planes.add(mask.repeats),
    }


def _masks(masks: Mapping[str, Mask], planes: PlaneWriter) -> list[dict[str, Any]]:
    return [_mask(mask, planes) for mask in masks.values()]


def _points(placed: Placed) -> dict[str, list[float]]:
    return {name: [float(x), float(y)] for name, (x, y) in placed.items()}


def read_call(
    spec: ToolSpec, head: Mapping[str, Any], planes: PlaneReader
) -> tuple[dict[str, Any], dict[str, Threshold]]:
    """The arguments of a call, and the thresholds that hold during it.

    Raises
    ------
    BadMessage
        When it is no call of this tool.
    """
    try:
        if (head["tool"], head["version"]) != (spec.name, spec.version):
            raise BadMessage("a call of another tool")
        changed = {name: Threshold(**one) for name, one in head["thresholds"].items()}
        given = head["arguments"]
        if list(given) != [parameter.name for parameter in spec.parameters]:
            raise BadMessage("other arguments")
        keywords = {p.name: _READERS[p.kind](p, given[p.name], planes) for p in spec.parameters}
        planes.require_end()
    except BadMessage:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadMessage("no call") from error
    return keywords, changed


def _read_film(_: Parameter, given: Any, planes: PlaneReader) -> Image:
    spacing = given["spacing"]
    if spacing is not None:
        row_mm, column_mm, kind = spacing
        spacing = PixelSpacing(float(row_mm), float(column_mm), SpacingKind(kind))
    return Image(
        handle=str(given["handle"]),
        pixels=planes.take(given["pixels"], ("f4",), 2),
        sha256=str(given["sha256"]),
        view=View(given["view"]),
        view_source=str(given["view_source"]),
        age_group=AgeGroup(given["age_group"]),
        spacing=spacing,
        notices=tuple(Notice(name) for name in given["notices"]),
        days_before=given["days_before"],
    )


def _read_mask(_: Parameter, given: Any, planes: PlaneReader) -> Mask | None:
    if given is None:
        return None
    plane = planes.take(given["plane"], ("bits",), 2)
    repeats = given["repeats"]
    if repeats is not None:
        repeats = planes.take(repeats, ("bits",), 3)
    return Mask(str(given["structure"]), plane, repeats, given["model"])


def _read_masks(parameter: Parameter, given: Any, planes: PlaneReader) -> dict[str, Mask]:
    read = [_read_mask(parameter, one, planes) for one in given]
    return {mask.structure: mask for mask in read if mask is not None}


def _read_group(parameter: Parameter, given: Any, planes: PlaneReader) -> MaskGroup:
    return MaskGroup(_read_masks(parameter, given, planes))


def _read_prior(parameter: Parameter, given: Any, planes: PlaneReader) -> Prior:
    return Prior(
        film=_read_film(parameter, given["film"], planes),
        masks=_read_masks(parameter, given["masks"], planes),
        placed=_read_points(parameter, given["placed"], planes),
    )


def _read_points(_: Parameter, given: Any, __: PlaneReader) -> Placed:
    return Placed({str(name): (float(x), float(y)) for name, (x, y) in given.items()})


def _read_choice(parameter: Parameter, given: Any, _: PlaneReader) -> Any:
    for choice in parameter.choices:
        if given is choice or (isinstance(choice, Enum) and given == choice.name):
            return choice
    raise BadMessage("a value that is not listed")


_READERS: dict[ParameterKind, Callable[[Parameter, Any, PlaneReader], Any]] = {
    ParameterKind.FILM: _read_film,
    ParameterKind.PRIOR: _read_prior,
    ParameterKind.MASK: _read_mask,
    ParameterKind.OPTIONAL_MASK: _read_mask,
    ParameterKind.GROUP: _read_group,
    ParameterKind.PLACED: _read_points,
    ParameterKind.CHOICE: _read_choice,
}
"""There is none for models and stores: an isolated tool cannot take them."""
