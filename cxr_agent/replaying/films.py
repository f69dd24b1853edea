"""The films of a run, read again and known by their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cxr_agent.errors import TraceError, UsageError
from cxr_agent.reading import Agent
from cxr_agent.reading.places import Places, places_of
from cxr_agent.study import Study
from cxr_agent.trace import StudyLoaded, Trace


def films_of(
    agent: Agent,
    trace: Trace,
    films: Sequence[Path] = (),
    priors: Sequence[Path] = (),
    indication: str = "",
) -> Study:
    """The study of a run.

    Parameters
    ----------
    films, priors, indication
        As they were given; without films, where this user's own list has them.

    Raises
    ------
    UsageError
        ``films_unknown`` where nothing tells where they are.
    TraceError
        ``film_changed`` when these are others.
    InputError
        As a reading.
    """
    given = (
        Places(
            run=trace.directory.absolute(),
            films=tuple(films),
            priors=tuple(priors),
            indication=indication,
        )
        if films
        else places_of(trace.directory)
    )
    if given is None:
        raise UsageError(
            "films_unknown",
            "where the films of this run lie is not known here",
            hint="Name them as they were read: FILE, --prior FILE, --indication.",
        )
    study = agent.load(
        given.films,
        priors=given.priors,
        priors_from=given.priors_from,
        indication=given.indication,
    )
    here = {handle: study.image(handle).sha256 for handle in study.handles}
    loaded = [r for event in trace.events if isinstance(event, StudyLoaded) for r in event.images]
    if any(here.get(record.handle) != record.sha256 for record in loaded):
        raise TraceError(
            "film_changed",
            "the films are not those that the run read",
            hint="Name them as they were read: FILE, --prior FILE.",
        )
    return study
