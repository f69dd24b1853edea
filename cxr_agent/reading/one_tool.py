"""One tool on one study, with the tools before it that outline what it needs; no report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Evidence
from cxr_agent.reading.setup import Setup
from cxr_agent.study import Study
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.contract import ParameterKind, ToolSpec
from cxr_agent.toolbox.execute import Outcome, Toolbox
from cxr_agent.toolbox.registry import Registry
from cxr_agent.trace import Event, ToolReturned, TraceWriter


@dataclass(frozen=True, slots=True)
class OneCall:
    """What came of a call."""

    tool: str
    film: str
    """Handle."""
    status: str
    codes: tuple[str, ...]
    """Why it gave nothing, where it gave nothing."""
    seconds: float
    result: Mapping[str, Any]
    """As the trace of a reading would keep it."""
    evidence: tuple[Evidence, ...]


def call_tool(setup: Setup, study: Study, tool: str, choices: Mapping[str, str]) -> list[OneCall]:
    """Call a tool on each current film, or on each with each prior where it compares.

    Parameters
    ----------
    choices
        Values of its choices by name, as text; ``true`` and ``false`` for a bool.

    Raises
    ------
    UsageError
        ``no_such_tool``, ``no_prior`` for a tool that compares.
    ToolError
        ``bad_arguments`` for choices outside the contract.
    """
    spec = chosen_tool(setup.registry, tool)
    returned: list[ToolReturned] = []

    def seen(event: Event) -> None:
        if isinstance(event, ToolReturned):
            returned.append(event)

    with (
        TemporaryDirectory(prefix="cxr-agent-") as folder,
        TraceWriter.create(Path(folder)) as trace,
    ):
        trace.on_event = seen
        toolbox = Toolbox(setup.registry, setup.bench_for(study), trace)
        for films in _films(spec, study):
            for call in _outlining(spec, setup.registry, films):
                toolbox.run(call)
        calls = [_call(spec, films, choices) for films in _films(spec, study)]
        outcomes = [toolbox.run(call) for call in calls]
        trace.flush()
    results = {event.step: event.result for event in returned}
    return [_told(outcome, results) for outcome in outcomes]


def chosen_tool(registry: Registry, name: str) -> ToolSpec:
    """The tool of that name; raises UsageError ``no_such_tool``."""
    spec = registry.get(name)
    if spec is None:
        raise UsageError(
            "no_such_tool",
            f"there is no tool named {name[:60]!r} that can be run here",
            hint="See `cxr-agent tools list`.",
        )
    return spec


def _films(spec: ToolSpec, study: Study) -> list[tuple[str, ...]]:
    currents = [film.handle for film in study.images]
    if spec.prior_parameter is None:
        return [(film,) for film in currents]
    priors = [film.handle for film in study.priors]
    if not priors:
        raise UsageError(
            "no_prior", f"{spec.name} compares with a prior film", hint="Give --prior FILE."
        )
    return [(film, prior) for film in currents for prior in priors]


def _outlining(spec: ToolSpec, registry: Registry, films: tuple[str, ...]) -> Iterator[ToolCall]:
    """The calls that bring the masks that it looks at; all there are for one that compares."""
    wanted = spec.looks_at
    for source in registry:
        brings = source.provides and source.name != spec.name and source.prior_parameter is None
        if brings and (len(films) > 1 or not wanted.isdisjoint(source.provides)):
            for film in films:
                yield ToolCall(source.name, {source.film_parameter.name: film})


def _call(spec: ToolSpec, films: tuple[str, ...], choices: Mapping[str, str]) -> ToolCall:
    arguments: dict[str, str | bool] = {spec.film_parameter.name: films[0]}
    if spec.prior_parameter is not None:
        arguments[spec.prior_parameter.name] = films[1]
    for name, text in choices.items():
        arguments[name] = _value(spec, name, text)
    return ToolCall(spec.name, arguments)


def _value(spec: ToolSpec, name: str, text: str) -> str | bool:
    parameter = next((p for p in spec.parameters if p.name == name), None)
    chosen = parameter is not None and parameter.kind is ParameterKind.CHOICE
    if chosen and parameter and True in parameter.choices and text in ("true", "false"):
        return text == "true"
    return text


def _told(outcome: Outcome, results: Mapping[int, Mapping[str, Any]]) -> OneCall:
    return OneCall(
        tool=outcome.call.tool,
        film=" ".join(outcome.call.films),
        status=outcome.status,
        codes=outcome.codes,
        seconds=outcome.seconds,
        result=results.get(outcome.step, {}),
        evidence=outcome.evidence,
    )
