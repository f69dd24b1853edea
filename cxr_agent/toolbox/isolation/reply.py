"""What an isolated tool answered, as a message and back.

Who wrote it is not trusted: a reply is a result of the tool's own class, observations, planes of
known kinds, or a code. No text of an exception and nothing that was printed travels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cxr_agent.errors import CxrAgentError, ModelError, ToolError
from cxr_agent.evidence import Code, Observation
from cxr_agent.toolbox.contract import Abstain, Heatmap, Mask, Picture, ToolResult, ToolSpec
from cxr_agent.toolbox.isolation.message import (
    BadMessage,
    Kind,
    Part,
    PlaneReader,
    PlaneWriter,
    message,
)

CONTRACT: Final = "tool_contract"
"""The reason code of an answer that the contract forbids."""
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_OBSERVED: Final = set(Observation.model_fields)
_REPEATS_AT_MOST: Final = 256
_FREE_BYTES: Final = 64 << 20
"""For maps and pictures, which are coarse."""
_PLANES_A_MASK: Final = 9
"""Of the film's size: the mask, and repeats that are mostly coarser."""


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Abstained(_Closed):
    outcome: Literal["abstained"]
    subject: Code
    reasons: list[Code]


class _Failed(_Closed):
    outcome: Literal["failed"]
    code: Code
    model: bool = False
    """Whether it is a model that cannot be loaded."""


def most_bytes(spec: ToolSpec, shape: tuple[int, int]) -> int:
    """What the planes of a reply about a film of (rows, columns) may take."""
    rows, columns = shape
    return _FREE_BYTES + len(spec.provides) * _PLANES_A_MASK * (rows * columns // 8 + 1)


def abstained(outcome: Abstain) -> list[Part]:
    """The reply of a tool that abstained."""
    head = {"outcome": "abstained", "subject": outcome.subject, "reasons": list(outcome.reasons)}
    return message(head)


def failed(error: CxrAgentError | str) -> list[Part]:
    """The reply of one that failed, by its error or a code."""
    code = error.code if isinstance(error, CxrAgentError) else error
    if not _CODE.fullmatch(code):  # a tool can raise anything
        code = "tool_failed"
    head = {"outcome": "failed", "code": code, "model": isinstance(error, ModelError)}
    return message(head)


def answered(result: ToolResult, observations: Sequence[Observation]) -> list[Part]:
    """The reply of one that answered; raises ValueError where it cannot be told."""
    planes = PlaneWriter()
    if not all(isinstance(one, Observation) for one in observations):
        raise ValueError("no observations")
    if any(key != mask.structure for key, mask in result.masks.items()):
        raise ValueError("a mask under another name")
    if any(key != heatmap.code for key, heatmap in result.heatmaps.items()):
        raise ValueError("a map under another name")
    head = {
        "outcome": "ok",
        "result": result.model_dump(mode="json"),
        "observations": [one.model_dump(mode="json", include=_OBSERVED) for one in observations],
        "masks": [
            {
                "structure": mask.structure,
                "model": mask.model,
                "plane": planes.add(mask.plane),
                "repeats": None if mask.repeats is None else planes.add(mask.repeats),
            }
            for mask in result.masks.values()
        ],
        "heatmaps": [
            {"code": map_.code, "plane": planes.add(map_.plane)}
            for map_ in result.heatmaps.values()
        ],
        "pictures": [
            {"name": name, "plane": planes.add(picture.plane)}
            for name, picture in result.pictures.items()
        ],
    }
    return message(head, planes)


def read_reply(
    spec: ToolSpec, shape: tuple[int, int], head: Mapping[str, Any], planes: PlaneReader
) -> tuple[ToolResult, tuple[Observation, ...]]:
    """What a tool answered about a film of (rows, columns).

    Raises
    ------
    Abstain
        When it abstained.
    ToolError, ModelError
        When it failed.
    BadMessage
        When it is no reply of this tool.
    """
    try:
        match head.get("outcome"):
            case "abstained":
                said = _Abstained.model_validate(head)
                raise Abstain(said.subject, *said.reasons)
            case "failed":
                raise _error(spec, _Failed.model_validate(head))
            case "ok":
                return _read_answer(spec, shape, dict(head), planes)
    except (KeyError, TypeError, ValidationError) as error:
        raise BadMessage("no reply") from error
    raise BadMessage("no reply")


def _error(spec: ToolSpec, said: _Failed) -> CxrAgentError:
    if said.model:
        return ModelError(said.code, f"a model that {spec.name} needs cannot be loaded")
    return ToolError(said.code, f"{spec.name} failed where it runs: {said.code}")


def _read_answer(
    spec: ToolSpec, shape: tuple[int, int], head: dict[str, Any], planes: PlaneReader
) -> tuple[ToolResult, tuple[Observation, ...]]:
    if set(head) != {"outcome", "result", "observations", "masks", "heatmaps", "pictures"}:
        raise BadMessage("other fields")
    result = _read_result(spec, head["result"])
    observations = tuple(
        Observation.model_validate_json(json.dumps(one)) for one in head["observations"]
    )
    masks = [_read_mask(spec, shape, one, planes) for one in head["masks"]]
    heatmaps = [
        Heatmap(_name(one, "code"), _plane(planes, one, ("f4", "f8"), 2))
        for one in head["heatmaps"]
    ]
    pictures = {
        _name(one, "name"): Picture(_plane(planes, one, ("u1",), 3)) for one in head["pictures"]
    }
    planes.require_end()
    drawn: dict[str, dict[str, Any]] = {
        "masks": {mask.structure: mask for mask in masks},
        "heatmaps": {heatmap.code: heatmap for heatmap in heatmaps},
        "pictures": pictures,
    }
    if any(len(named) != len(head[name]) for name, named in drawn.items()):
        raise BadMessage("something twice")
    return result.model_copy(update=drawn), observations


def _read_result(spec: ToolSpec, record: object) -> ToolResult:
    """The result in its own class; it must say again just what it was made from."""
    try:
        result = spec.result.model_validate_json(json.dumps(record))
        same = result.model_dump(mode="json") == record
    except Exception as error:  # the checks of the class are the tool's code
        raise BadMessage(f"no {spec.result.__name__}") from error
    if not same:
        raise BadMessage(f"no whole {spec.result.__name__}")
    return result


def _read_mask(spec: ToolSpec, shape: tuple[int, int], said: Any, planes: PlaneReader) -> Mask:
    structure, model, repeats = _name(said, "structure"), said["model"], said["repeats"]
    if structure not in spec.provides or not isinstance(model, str | None):
        raise BadMessage("a mask that it does not provide")
    plane = _plane(planes, said, ("bits",), 2)
    if plane.shape != shape:
        raise BadMessage("a mask of another size")
    if repeats is not None:
        repeats = planes.take(repeats, ("bits",), 3)
        if not (0 < len(repeats) <= _REPEATS_AT_MOST and repeats.size):
            raise BadMessage("no repeats")
    return Mask(structure, plane, repeats, model)


def _plane(planes: PlaneReader, said: Any, kinds: tuple[Kind, ...], dimensions: int) -> Any:
    return planes.take(said["plane"], kinds, dimensions)


def _name(said: Any, field: str) -> str:
    name = said[field]
    if not isinstance(name, str) or not 0 < len(name) <= 256:
        raise BadMessage("no name")
    return name
