"""What another planner would have done from a step on: a run of its own that names its parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from cxr_agent.errors import UsageError
from cxr_agent.knowledge import thresholds_changed
from cxr_agent.reading import Agent
from cxr_agent.reading.run import Run
from cxr_agent.replaying.films import films_of
from cxr_agent.replaying.recorded import RecordedSetup, decisions_of
from cxr_agent.report.model import Report
from cxr_agent.trace import ToolCalled, Trace, TraceWriter


def branch(
    agent: Agent,
    trace: Trace,
    step: int,
    films: Sequence[Path] = (),
    priors: Sequence[Path] = (),
    indication: str = "",
) -> Report:
    """Make the decisions before ``step`` as they were made, and let the agent's planner go on.

    Tools are called anew, so that the new run stands by itself; with a cache, it may answer.

    Parameters
    ----------
    agent
        Its planner or language model is the other one.
    step
        Of a tool call of the run.

    Raises
    ------
    UsageError
        ``no_such_step``; as :func:`cxr_agent.replaying.films.films_of`.
    TraceError, InputError, OutputError
        As a reading.
    """
    steps = [event.step for event in trace.events if isinstance(event, ToolCalled)]
    if step not in steps:
        raise UsageError(
            "no_such_step",
            f"no tool was called in step {step} of the run",
            hint=f"One of: {', '.join(map(str, steps[:40]))}.",
        )
    study = films_of(agent, trace, films, priors, indication)
    given = {one.name: getattr(agent.setup, one.name) for one in fields(agent.setup)}
    setup = RecordedSetup(
        **given,
        decisions=tuple(decisions_of(trace.events, step)),
        parent={"run": trace.run_id, "step": step, "head": trace.digests[-1]},
    )
    with (
        TraceWriter.create(agent.traces) as writer,
        thresholds_changed(setup.changed),
    ):
        run = Run(study, setup, writer)
        try:
            run.start()
            report = run.read()
            run.finish()
        except BaseException as error:
            run.fail(error)
            raise
        return report
