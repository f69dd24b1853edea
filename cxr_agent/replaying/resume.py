"""A run that was cut off, gone on with: it ends as it would have ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from cxr_agent.errors import TraceError, UsageError
from cxr_agent.knowledge import thresholds_changed
from cxr_agent.reading import Agent
from cxr_agent.reading.places import forget_places
from cxr_agent.reading.run import Run
from cxr_agent.reading.setup import Setup
from cxr_agent.reading.version import program_version
from cxr_agent.replaying.films import films_of
from cxr_agent.replaying.following import FollowingWriter, options_changed
from cxr_agent.replaying.recorded import RecordedSetup, decisions_of
from cxr_agent.report.model import Report
from cxr_agent.trace import ModelCalled, ReportDrafted, RunResumed, Trace


def resume(
    agent: Agent,
    run: Path,
    films: Sequence[Path] = (),
    priors: Sequence[Path] = (),
    indication: str = "",
) -> Report:
    """Go on with a run where it was cut off.

    The run is done again: what was recorded is met and not written twice, and what a language model
    decided is taken from the record. Its report is that of a run that was never cut off.

    Parameters
    ----------
    run
        Folder of the trace.
    films, priors, indication
        As they were given to the run; without films, where this user's own list has them.

    Raises
    ------
    TraceError
        ``run_is_finished``; ``run_diverged`` where doing it again gives something else;
        ``film_changed``; as :meth:`cxr_agent.trace.TraceWriter.resume`.
    UsageError
        ``other_options`` where the run was started with others; ``films_unknown``.
    InputError, OutputError
        As a reading.
    """
    writer, trace = FollowingWriter.resume(run)
    with writer:
        if trace.finished is not None:
            raise TraceError(
                "run_is_finished",
                f"the run {trace.run_id} has ended: {trace.finished.status}",
                hint="Its report: cxr-agent trace replay.",
            )
        study = films_of(agent, trace, films, priors, indication)
        setup = _setup(agent.setup, trace)
        again = Run(study, setup, writer)
        _same_options(trace, again)
        writer.follow(
            trace.lines,
            RunResumed(
                program_version=program_version(),
                planner=again.planner_name,
                config=agent.setup.config(),
            ),
        )
        with thresholds_changed(setup.changed):
            again.start()
            report = again.read()
            again.finish()
    forget_places(run)
    return report


def _setup(setup: Setup, trace: Trace) -> Setup:
    """What a language model said is taken from the record; rules say the same again."""
    if not any(isinstance(event, ModelCalled) for event in trace.events):
        return setup
    drafted = [event for event in trace.events if isinstance(event, ReportDrafted)]
    given = {one.name: getattr(setup, one.name) for one in fields(setup)}
    return RecordedSetup(
        **given,
        decisions=tuple(decisions_of(trace.events)),
        drafted=drafted[-1] if drafted else None,
    )


def _same_options(trace: Trace, again: Run) -> None:
    assert trace.started is not None
    changed = options_changed(trace.started, again.started())
    if changed:
        raise UsageError(
            "other_options",
            f"the run was started with another {', '.join(changed[:5])}",
            hint="Give the options of that run, or read the film again.",
        )
