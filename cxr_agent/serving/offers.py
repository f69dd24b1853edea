"""What is offered: each with schemas of its arguments and its answer, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, create_model

from cxr_agent.serving.answers import ExplainAnswer, OpenAnswer, ReadAnswer, ToolAnswer
from cxr_agent.serving.desk import Desk, Listener
from cxr_agent.serving.schemas import schema_of, tool_answer_schema
from cxr_agent.toolbox.contract import Parameter, ParameterKind, ToolSpec

RESEARCH_USE: Final = "Research use only; not a diagnosis."
_MOST_FILMS: Final = 8


class Told(Protocol):
    """An answer: a pydantic model that can also be said."""

    def text(self) -> str: ...

    def model_dump(self, *, mode: str) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that another agent can ask for."""

    name: str
    description: str
    arguments: type[BaseModel]
    answer_schema: dict[str, Any]
    do: Callable[[Any, Listener], Told]
    """Takes validated arguments; raises CxrAgentError, and Cancelled."""


class _Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OpenArguments(_Arguments):
    films: list[str] = Field(
        min_length=1,
        max_length=_MOST_FILMS,
        description="Paths of the current films of one patient, below the folder of films.",
    )
    priors: list[str] = Field(
        default=[], max_length=_MOST_FILMS, description="Earlier films of the same patient."
    )


class ReadArguments(OpenArguments):
    indication: str = Field(
        default="", max_length=2000, description="Why the films were taken; quoted, no order."
    )


class ExplainArguments(_Arguments):
    study: str = Field(description="Handle of a study that was read.")
    sentence: str = Field(
        pattern=r"^s[1-9][0-9]*$", description="Id of a sentence of its report, as s3."
    )


def offers(desk: Desk) -> tuple[Offer, ...]:
    """All that a desk can do: read, open, explain, and every tool."""
    return (*_fixed(desk), *_tools(desk))


def _fixed(desk: Desk) -> Iterable[Offer]:
    def read(given: ReadArguments, heard: Listener) -> ReadAnswer:
        return desk.read(given.films, given.priors, given.indication, heard)

    def open_study(given: OpenArguments, _: Listener) -> OpenAnswer:
        return desk.open_study(given.films, given.priors)

    def explain(given: ExplainArguments, _: Listener) -> ExplainAnswer:
        return desk.explain(given.study, given.sentence)

    yield Offer(
        "read",
        "Read adult frontal chest films: findings, impression, measurements, each sentence with "
        f"the evidence that it rests on. {RESEARCH_USE}",
        ReadArguments,
        schema_of(ReadAnswer),
        read,
    )
    yield Offer(
        "open_study",
        f"Open films for single tools; gives handles of the study and its films. {RESEARCH_USE}",
        OpenArguments,
        schema_of(OpenAnswer),
        open_study,
    )
    yield Offer(
        "explain",
        "What a sentence of a report rests on: evidence, step, tool, model and film. "
        f"{RESEARCH_USE}",
        ExplainArguments,
        schema_of(ExplainAnswer),
        explain,
    )


def _tools(desk: Desk) -> Iterable[Offer]:
    for spec in desk.agent.setup.registry:
        yield Offer(
            spec.name,
            f"{spec.purpose} {RESEARCH_USE}",
            _arguments_of(spec),
            tool_answer_schema(ToolAnswer, spec.result),
            _use(desk, spec),
        )


def _use(desk: Desk, spec: ToolSpec) -> Callable[[Any, Listener], ToolAnswer]:
    def use(given: BaseModel, _: Listener) -> ToolAnswer:
        named = given.model_dump(mode="json")
        return desk.use(spec, named.pop("study"), named)

    return use


def _arguments_of(spec: ToolSpec) -> type[BaseModel]:
    fields: dict[str, Any] = {
        "study": (str, Field(description="Handle of an open study, as study-1."))
    }
    for parameter in spec.parameters:
        match parameter.kind:
            case ParameterKind.FILM:
                fields[parameter.name] = (str, Field("img-1", description="Handle of a film."))
            case ParameterKind.PRIOR:
                fields[parameter.name] = (
                    str,
                    Field("prior-1", description="Handle of a prior film."),
                )
            case ParameterKind.CHOICE:
                fields[parameter.name] = _choice(parameter)
    return create_model(f"{spec.name}_arguments", __base__=_Arguments, **fields)


def _choice(parameter: Parameter) -> tuple[Any, Any]:
    def plain(one: Any) -> Any:
        return one.value if isinstance(one, Enum) else one

    kind: Any = Literal.__getitem__(tuple(map(plain, parameter.choices)))
    missing = parameter.default is parameter.empty
    return (kind, ... if missing else plain(parameter.default))
