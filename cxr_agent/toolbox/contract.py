"""What a tool is: a typed function whose signature is its contract.

A parameter's type says who fills it in:

=====================  ==========================================================
:class:`~cxr_agent.study.Image`  a film; the planner names its handle
:class:`Prior`         a prior film with all that was outlined on it; the planner names its
                       handle, and the film is then a current one
:class:`Mask`          the mask of the structure that the parameter is named after,
                       outlined on that film by an earlier tool
``Mask | None``        the same, where the tool can do without
:class:`MaskGroup`     the masks of all members of the group of structures that the
                       parameter is named after, as ``vertebrae``; it may be empty
:class:`Placed`        landmarks that a reader put on that film
:class:`~cxr_agent.models.shelf.Shelf`  the models that can be run
:class:`~cxr_agent.retrieval.library.Library`  films to look for similar ones in; the tool is
                       offered only where a store is configured
:class:`~cxr_agent.vision.consulting.Consultation`  a vision-language model to ask; the tool is
                       offered only where one is configured
an enumeration, bool   a value that the planner chooses from a closed list
=====================  ==========================================================

The tool returns a :class:`ToolResult` or raises :class:`Abstain` when it cannot say anything
true. Nothing here imports a model library, so listing tools is cheap.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cxr_agent.errors import ConfigError
from cxr_agent.evidence import Observation
from cxr_agent.knowledge import AddedWords, members, vocabulary
from cxr_agent.study import FloatImage, Image
from cxr_agent.toolbox.isolation.places import CodePlace, Endpoint, Isolation, code_place_of
from cxr_agent.toolbox.words import bring_words

BoolMask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Mask:
    """One structure on one film: (rows, columns) bool at the film's own size."""

    structure: str
    plane: BoolMask
    repeats: BoolMask | None = None
    """(K, r, c) bool: the same structure outlined again on K altered copies of the film, on a
    grid that covers it and may be coarser. None where the source outlines once. What one model
    outlined in one go has its repeats in one order."""
    model: str | None = None
    """The model that drew it: an embedded one by its card, a pulled one by ``kb/models.toml``."""


class MaskGroup(dict[str, Mask]):
    """The masks of one group of ``kb/structures.toml``, by structure, from the head down."""


class Placed(dict[str, tuple[float, float]]):
    """Landmarks that a reader put on the film, (x, y) in its pixels.

    Named ``<measurement>.<landmark>``, with the side in between where a measurement has two.
    """


NOTHING_PLACED: Final = Placed()
"""The default of such a parameter, so that a tool can be called by hand."""


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """A prior film and what lies on the bench of it."""

    film: Image
    masks: Mapping[str, Mask]
    """By structure."""
    placed: Placed


@dataclass(frozen=True, slots=True, eq=False)
class Heatmap:
    """What a classifier used for a finding: (rows, columns) float32 in [0, 1] over the whole film.

    Coarser than the film and of its proportions, to within a pixel of the plane. 0 is what spoke
    least for the finding and 1 what spoke most.
    """

    code: str
    plane: FloatImage


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture for the eye over the whole film: (rows, columns, 3) uint8, red, green and blue.

    Coarser than the film and of its proportions, to within a pixel of the picture.
    """

    plane: NDArray[np.uint8]


class Drawing(BaseModel):
    """A measured line or point list in film pixels, x to the right, y down, for overlays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    label: str = ""
    points: tuple[tuple[float, float], ...]


class ToolResult(BaseModel):
    """Base of what tools return: numbers with units in their field names.

    Fields are what the trace keeps; masks, heatmaps and pictures go to it as artifacts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    drawings: tuple[Drawing, ...] = ()
    masks: dict[str, Mask] = Field(default_factory=dict, exclude=True, repr=False)
    heatmaps: dict[str, Heatmap] = Field(default_factory=dict, exclude=True, repr=False)
    """By the code of the finding."""
    pictures: dict[str, Picture] = Field(default_factory=dict, exclude=True, repr=False)
    """By name."""

    @abstractmethod
    def observations(self) -> Iterable[Observation]:
        """What this result says, one statement at a time."""


class Abstain(Exception):  # noqa: N818 - an outcome, not an error
    """Raised by a tool that cannot say anything true about this film.

    Parameters
    ----------
    subject
        Code of what was asked for, as ``cardiothoracic_ratio``.
    reasons
        Codes of ``kb/wording/en/reasons.toml``.
    """

    def __init__(self, subject: str, *reasons: str) -> None:
        super().__init__(subject, *reasons)
        self.subject = subject
        self.reasons = reasons


class ParameterKind(Enum):
    """Who fills a parameter in."""

    FILM = "film"
    PRIOR = "prior film"
    MASK = "mask"
    OPTIONAL_MASK = "optional mask"
    GROUP = "group of masks"
    PLACED = "landmarks of a reader"
    SHELF = "shelf"
    LIBRARY = "store of films"
    CONSULTATION = "vision-language model"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a tool."""

    name: str
    kind: ParameterKind
    choices: tuple[Any, ...] = ()
    default: Any = inspect.Parameter.empty

    @property
    def empty(self) -> object:
        """What ``default`` is where there is none."""
        return inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool and its contract."""

    name: str
    version: str
    purpose: str
    """One line, for the planner."""
    subject: str
    """Code of what the tool is asked for; names a limitation when it cannot answer."""
    function: Callable[..., ToolResult]
    parameters: tuple[Parameter, ...]
    result: type[ToolResult]
    model: str | None = None
    """Id of the model card that the tool runs."""
    weights_sha256: str | None = None
    """Of that model, where the tool brings it: evidence and the cache of results then name it."""
    pretrained: str | None = None
    """Model of ``kb/models.toml`` that the tool runs; without it the tool is not offered."""
    provides: tuple[str, ...] = ()
    """Structures whose masks the tool adds."""
    time_limit_s: float = 30.0
    memory_mib: int = 512
    """What it needs at most on a 20-megapixel film."""
    deterministic: bool = True
    isolation: Isolation | None = None
    """Where it asks to be run; within this process where it does not ask."""
    code_place: CodePlace | None = None
    """Where its code is, of one that runs in another process."""
    words: Mapping[str, AddedWords] = field(default_factory=dict, hash=False)
    """What the tool's own codes are called; codes of ``kb/`` have their words there."""
    reasons: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What reason codes of its own mean."""
    outside: bool = False
    """Whether it asks what is not ours: then no model of ours stands behind what it says."""

    @property
    def film_parameter(self) -> Parameter:
        return next(p for p in self.parameters if p.kind is ParameterKind.FILM)

    @property
    def prior_parameter(self) -> Parameter | None:
        """Of a tool that compares."""
        return next((p for p in self.parameters if p.kind is ParameterKind.PRIOR), None)

    @property
    def needs_library(self) -> bool:
        return any(p.kind is ParameterKind.LIBRARY for p in self.parameters)

    @property
    def needs_vision(self) -> bool:
        return any(p.kind is ParameterKind.CONSULTATION for p in self.parameters)

    @property
    def looks_at(self) -> frozenset[str]:
        """Structures whose masks the tool takes where they are there."""
        masks = (ParameterKind.MASK, ParameterKind.OPTIONAL_MASK)
        single = {p.name for p in self.parameters if p.kind in masks}
        grouped = [members(p.name) for p in self.parameters if p.kind is ParameterKind.GROUP]
        return frozenset(single.union(*grouped))

    @property
    def asked_only(self) -> bool:
        """Whether somebody has to choose something: no rule makes such a call by itself."""
        return any(p.kind is ParameterKind.CHOICE and p.default is p.empty for p in self.parameters)

    @property
    def required_masks(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parameters if p.kind is ParameterKind.MASK)


_ATTRIBUTE: Final = "__cxr_tool__"


def tool(
    *,
    version: str,
    purpose: str,
    subject: str,
    model: str | None = None,
    weights_sha256: str | None = None,
    pretrained: str | None = None,
    provides: tuple[str, ...] = (),
    time_limit_s: float = 30.0,
    memory_mib: int = 512,
    deterministic: bool = True,
    isolation: Isolation | None = None,
    words: Mapping[str, AddedWords] | None = None,
    reasons: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., ToolResult]], Callable[..., ToolResult]]:
    """Make a typed function a tool; see the module for what types mean.

    Parameters
    ----------
    subject
        Code of ``kb/vocabulary.toml``, or of ``words``.
    weights_sha256
        Hash of the weights of ``model``, where that is a model of the tool's own. To check the
        file against it is up to the tool.
    words
        What codes of the tool's own are called, so that no file of ``kb/`` has to be changed.
    reasons
        Likewise, what reason codes of its own mean, as the second half of a sentence.

    Raises
    ------
    ConfigError
        ``bad_tool_contract`` when the signature is no contract.
    """

    def wrap(function: Callable[..., ToolResult]) -> Callable[..., ToolResult]:
        parameters, result = _read_signature(function)
        wrong = bring_words(function.__module__, words or {}, reasons or {})
        if wrong is not None:
            raise _bad(function, wrong)
        if subject not in vocabulary():
            raise _bad(
                function,
                f"kb/vocabulary.toml has no entry {subject}, and it brings no words for it",
            )
        spec = ToolSpec(
            name=function.__name__,
            version=version,
            purpose=purpose,
            subject=subject,
            function=function,
            parameters=parameters,
            result=result,
            model=model,
            weights_sha256=weights_sha256,
            pretrained=pretrained,
            provides=provides,
            time_limit_s=time_limit_s,
            memory_mib=memory_mib,
            deterministic=deterministic,
            isolation=isolation,
            code_place=_code_place(function, parameters, isolation),
            words=dict(words or {}),
            reasons=dict(reasons or {}),
        )
        setattr(function, _ATTRIBUTE, spec)
        return function

    return wrap


def spec_of(candidate: object) -> ToolSpec | None:
    """The contract of a function made a tool, else None."""
    spec = getattr(candidate, _ATTRIBUTE, None)
    return spec if isinstance(spec, ToolSpec) else None


def _code_place(
    function: Callable[..., ToolResult],
    parameters: tuple[Parameter, ...],
    isolation: Isolation | None,
) -> CodePlace | None:
    if isolation is None:
        return None
    for parameter in parameters:
        if parameter.kind in (ParameterKind.SHELF, ParameterKind.LIBRARY):
            raise _bad(function, f"{parameter.name} cannot be taken to where the tool runs")
    if isinstance(isolation, Endpoint):
        return None
    try:
        return code_place_of(function)
    except (ValueError, OSError):
        raise _bad(function, "to run elsewhere it must stand at the top of a file") from None


def _read_signature(
    function: Callable[..., ToolResult],
) -> tuple[tuple[Parameter, ...], type[ToolResult]]:
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError):
        raise _bad(function, "a type in its signature cannot be found") from None
    result = hints.pop("return", None)
    if not (isinstance(result, type) and issubclass(result, ToolResult)):
        raise _bad(function, "it must return a ToolResult")
    parameters = tuple(
        _read_parameter(function, parameter, hints.get(name))
        for name, parameter in inspect.signature(function).parameters.items()
    )
    if sum(p.kind is ParameterKind.FILM for p in parameters) != 1:
        raise _bad(function, "it must take exactly one Image")
    if sum(p.kind is ParameterKind.PRIOR for p in parameters) > 1:
        raise _bad(function, "it can take one Prior at most")
    return parameters, result


def _read_parameter(
    function: Callable[..., ToolResult], parameter: inspect.Parameter, hint: Any
) -> Parameter:
    name, default = parameter.name, parameter.default
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise _bad(function, f"parameter {name} cannot be given by name")
    if hint is Image:
        return Parameter(name, ParameterKind.FILM)
    if hint is Prior:
        return Parameter(name, ParameterKind.PRIOR)
    if hint is Mask:
        return Parameter(name, ParameterKind.MASK)
    if hint is MaskGroup:
        if not members(name):
            raise _bad(function, f"kb/structures.toml has no group {name}")
        return Parameter(name, ParameterKind.GROUP)
    if hint is Placed:
        return Parameter(name, ParameterKind.PLACED)
    if _is(hint, "cxr_agent.models.shelf", "Shelf"):
        return Parameter(name, ParameterKind.SHELF)
    if _is(hint, "cxr_agent.retrieval.library", "Library"):
        return Parameter(name, ParameterKind.LIBRARY)
    if _is(hint, "cxr_agent.vision.consulting", "Consultation"):
        return Parameter(name, ParameterKind.CONSULTATION)
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    if union and set(typing.get_args(hint)) == {Mask, type(None)}:
        return Parameter(name, ParameterKind.OPTIONAL_MASK, default=None)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Parameter(name, ParameterKind.CHOICE, tuple(hint), default)
    if hint is bool:
        return Parameter(name, ParameterKind.CHOICE, (True, False), default)
    raise _bad(function, f"parameter {name} has a type that no contract knows")


def _is(hint: Any, module: str, name: str) -> bool:
    """Whether a type is this one, whose module is then loaded; no contract needs to load it."""
    return hint is not None and hint is getattr(sys.modules.get(module), name, None)


def _bad(function: Callable[..., ToolResult], why: str) -> ConfigError:
    return ConfigError(
        "bad_tool_contract",
        f"{function.__module__}.{function.__name__} is no tool: {why}",
        hint="See docs/tools.md for the types that a tool may take.",
    )
