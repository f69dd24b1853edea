"""``cxr-agent trace show``: one run, as a whole, step by step, or while it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_agent.cli.trace_options import AsJson, Run, Traces, root_of
from cxr_agent.errors import UsageError

if TYPE_CHECKING:
    from cxr_agent.trace import Line, Trace


def show(
    run: Run = "last",
    traces: Traces = None,
    full: Annotated[bool, typer.Option("--full", help="Also what the gates let through.")] = False,
    steps: Annotated[
        bool, typer.Option("--steps", help="One line per step: tool, film, outcome, time, cost.")
    ] = False,
    step: Annotated[
        int | None, typer.Option(metavar="N", help="Open one step: arguments, result, evidence.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on while the run does; --json: one line each.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one run."""
    from cxr_agent.trace import find_trace, read_trace

    if step is not None and (steps or follow):
        raise UsageError(
            "one_view", "--step opens one step of a run", hint="leave out --steps and --follow"
        )
    folder = find_trace(root_of(traces), run)
    if follow:
        _follow(folder, full, steps, as_json)
    elif step is not None:
        _one(read_trace(folder), step, as_json)
    elif steps:
        _steps(read_trace(folder), as_json)
    else:
        _whole(read_trace(folder), full, as_json)


def _whole(trace: Trace, full: bool, as_json: bool) -> None:
    from cxr_agent.trace.render import to_text

    if as_json:
        lines = [line.model_dump(mode="json") for line in trace.lines]
        print(json.dumps({"run_id": trace.run_id, "torn": trace.torn, "lines": lines}, indent=2))
        return
    print(to_text(trace, full=full), end="")


def _steps(trace: Trace, as_json: bool) -> None:
    from cxr_agent.trace.render_steps import step_record, steps_text
    from cxr_agent.trace.steps import steps_of

    if as_json:
        records = [step_record(one) for one in steps_of(trace.lines)]
        print(json.dumps({"run_id": trace.run_id, "steps": records}, indent=2))
        return
    print(steps_text(trace), end="")


def _one(trace: Trace, number: int, as_json: bool) -> None:
    from cxr_agent.trace.render_steps import opened, step_record
    from cxr_agent.trace.steps import steps_of

    found = [step for step in steps_of(trace.lines) if step.number == number]
    if not found:
        raise UsageError(
            "no_such_step",
            f"the run {trace.run_id} has no step {number}",
            hint="see `trace show --steps`",
        )
    if as_json:
        lines = [line.model_dump(mode="json") for step in found for line in step.lines]
        print(
            json.dumps(
                {"run_id": trace.run_id} | step_record(found[0]) | {"lines": lines}, indent=2
            )
        )
        return
    for step in found:
        print("\n".join(opened(step)))


def _follow(folder: Path, full: bool, steps: bool, as_json: bool) -> None:
    from cxr_agent.trace.follow import follow

    lines = follow(folder)
    for text in _step_lines(lines, as_json) if steps else _event_lines(lines, full, as_json):
        print(text, flush=True)  # a pipe would hold it back until the run is over


def _event_lines(lines: Iterable[Line], full: bool, as_json: bool) -> Iterator[str]:
    from cxr_agent.trace.render import event_lines

    for line in lines:
        if as_json:
            yield line.model_dump_json()
        else:
            yield from event_lines(line.event, full=full)


def _step_lines(lines: Iterable[Line], as_json: bool) -> Iterator[str]:
    from cxr_agent.trace.render_steps import HEAD, step_line, step_record
    from cxr_agent.trace.steps import steps_of

    if not as_json:
        yield HEAD
    for step in steps_of(lines):
        yield json.dumps(step_record(step)) if as_json else step_line(step)
