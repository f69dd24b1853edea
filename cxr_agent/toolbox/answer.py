"""What a tool answers, taken in only when it can be recorded and said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pydantic import TypeAdapter, ValidationError

from cxr_agent.errors import ConfigError, CxrAgentError, ToolError
from cxr_agent.evidence import EvidenceKind, Observation, Polarity
from cxr_agent.knowledge import vocabulary
from cxr_agent.toolbox.arguments import Bound
from cxr_agent.toolbox.artifacts import spans_film
from cxr_agent.toolbox.contract import Abstain, Heatmap, Mask, Picture, ToolResult, ToolSpec
from cxr_agent.toolbox.isolation.reply import CONTRACT
from cxr_agent.toolbox.limits import call_within, check_memory
from cxr_agent.toolbox.reading import reading_of
from cxr_agent.toolbox.recorded import record_of
from cxr_agent.toolbox.sources.deferred import ready
from cxr_agent.trace.fields import JsonObject

_JSON: Final[TypeAdapter[dict[str, Any]]] = TypeAdapter(JsonObject)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool gave, checked: it can be recorded and said."""

    result: ToolResult
    statements: tuple[tuple[Observation, str], ...]
    """Each with its reading."""
    record: dict[str, Any]
    """The result as JSON."""


def answer_of(spec: ToolSpec, bound: Bound) -> Answer:
    """Run a tool within its limits and take nothing from it that its contract forbids.

    Raises
    ------
    Abstain, CxrAgentError
        What the tool raises on purpose; any other failure is a ToolError.
    """
    spec, bound = ready(spec, bound)
    try:
        if spec.isolation is None:
            result, observations = _run_here(spec, bound)
        else:
            result, observations = bound.host.run(spec, bound.keywords, bound.film)
    except (Abstain, CxrAgentError):
        raise
    except ValidationError as error:
        raise _breach(spec, "what is not valid") from error
    except Exception as error:
        raise ToolError("tool_failed", f"{spec.name} failed") from error
    for name, mask in result.masks.items():
        _check_mask(spec, name, mask, bound.film.shape)
    for code, heatmap in result.heatmaps.items():
        _check_heatmap(spec, code, heatmap, bound.film.shape)
    for picture in result.pictures.values():
        _check_picture(spec, picture, bound.film.shape)
    if not all(isinstance(observation, Observation) for observation in observations):
        raise _breach(spec, "what is no observation")
    if spec.needs_vision and any(map(_asserts, observations)):
        raise _breach(spec, "a finding on the word of a vision-language model")
    try:
        statements = tuple((observation, reading_of(observation)) for observation in observations)
        for observation in observations:
            _JSON.validate_python(observation.model_dump(mode="json"))
        said = _JSON.validate_python(result.model_dump(mode="json"))
        record = record_of(spec, type(result), said)
    except (ValueError, ConfigError) as error:
        raise _breach(spec, "what can be neither said nor recorded") from error
    return Answer(result, statements, record)


def _run_here(spec: ToolSpec, bound: Bound) -> tuple[ToolResult, tuple[Observation, ...]]:
    check_memory(spec.name, spec.memory_mib)

    def work() -> tuple[ToolResult, tuple[Observation, ...]]:
        result = spec.function(**bound.keywords)
        if not isinstance(result, spec.result):
            raise _breach(spec, f"no {spec.result.__name__}")
        return result, tuple(result.observations())

    return call_within(spec.time_limit_s, spec.name, work)


def _check_mask(spec: ToolSpec, name: str, mask: Mask, shape: tuple[int, int]) -> None:
    if not isinstance(mask, Mask) or name not in spec.provides or name != mask.structure:
        raise _breach(spec, "a mask that it does not provide")
    if not isinstance(mask.plane, np.ndarray) or mask.plane.dtype != np.bool_:
        raise _breach(spec, "a mask that is not bool")
    if mask.plane.shape != shape:
        raise _breach(spec, "a mask of another size")


def _check_heatmap(spec: ToolSpec, code: str, heatmap: Heatmap, shape: tuple[int, int]) -> None:
    if not isinstance(heatmap, Heatmap) or code != heatmap.code or code not in vocabulary():
        raise _breach(spec, "a map of nothing that there are words for")
    plane = heatmap.plane
    if not isinstance(plane, np.ndarray) or plane.dtype.kind != "f" or plane.ndim != 2:
        raise _breach(spec, "a map that is none")
    if not (plane.size and np.isfinite(plane).all() and plane.min() >= 0 and plane.max() <= 1):
        raise _breach(spec, "a map beyond 0 and 1")
    rows, columns = plane.shape
    if not spans_film((rows, columns), shape):
        raise _breach(spec, "a map of another shape than the film")


def _check_picture(spec: ToolSpec, picture: Picture, shape: tuple[int, int]) -> None:
    plane = picture.plane if isinstance(picture, Picture) else None
    if not isinstance(plane, np.ndarray) or plane.dtype != np.uint8:
        raise _breach(spec, "a picture that is none")
    if plane.ndim != 3 or plane.shape[2] != 3 or not plane.size:
        raise _breach(spec, "a picture without three colours")
    if not spans_film((plane.shape[0], plane.shape[1]), shape):
        raise _breach(spec, "a picture of another shape than the film")


def _asserts(observation: Observation) -> bool:
    """Whether a finding is more than a suggestion, which is all that such a model can give."""
    suggested = (observation.category or "").startswith("suggested")
    undecided = observation.polarity is Polarity.UNCERTAIN and observation.probability is None
    return observation.kind is EvidenceKind.FINDING and not (suggested and undecided)


def _breach(spec: ToolSpec, what: str) -> ToolError:
    return ToolError(CONTRACT, f"{spec.name} returned {what}")
