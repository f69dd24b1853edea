"""Opening a session: a new one on films, or one that goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cxr_agent.chat.chat import Chat
from cxr_agent.chat.rebuild import rebuild
from cxr_agent.chat.sessions import Session, keep_session
from cxr_agent.errors import InputError, PriorCode, UnsuitableFilm
from cxr_agent.knowledge import thresholds_changed
from cxr_agent.reading import Agent
from cxr_agent.reading.run import Run
from cxr_agent.study import Study
from cxr_agent.trace import Event, TraceWriter

Listener = Callable[[Event], None]


@contextmanager
def new_chat(
    agent: Agent,
    films: Sequence[Path],
    *,
    priors: Sequence[Path] = (),
    priors_from: str | None = None,
    indication: str = "",
    name: str | None = None,
    heard: Listener | None = None,
) -> Iterator[Chat]:
    """Read films and keep them open; the run is finished when the block ends.

    Parameters
    ----------
    priors_from
        Where more priors are looked for. A session does not keep where: what is found so can be
        asked for as long as this process runs.
    name
        Of the session; the run id where none is given. None at all is kept for ``""``.
    heard
        Told of each event once it is recorded.

    Raises
    ------
    InputError, UnsuitableFilm
        As a reading.
    UsageError
        ``session_exists``, ``bad_session_name``.
    OutputError
        When trace or session cannot be written.
    """
    study = agent.load(films, priors=priors, priors_from=priors_from, indication=indication)
    with TraceWriter.create(agent.traces) as trace:
        trace.on_event = heard
        if name != "":
            keep_session(name or trace.run_id, trace.directory, films, priors, new=name is not None)
        with chat_in(trace, agent, study) as chat:
            yield chat


@contextmanager
def chat_in(trace: TraceWriter, agent: Agent, study: Study) -> Iterator[Chat]:
    """Read a study into an open trace and keep it open; raises as :func:`new_chat`.

    The run is finished when the block ends.
    """
    run = Run(study, agent.setup, trace)
    try:
        with thresholds_changed(agent.setup.changed):
            run.start()
            run.read()
        run.issue()
    except BaseException as error:
        run.fail(error)
        raise
    yield Chat(run)
    run.finish()


@contextmanager
def resumed_chat(
    agent: Agent,
    session: Session,
    films: Sequence[Path] = (),
    priors: Sequence[Path] = (),
    heard: Listener | None = None,
) -> Iterator[Chat]:
    """Go on with a session; the films are those of the session unless others are given.

    Where they are gone, what is known can still be asked for, and nothing new is looked at:
    :attr:`Chat.run` then has no tools.

    Raises
    ------
    TraceError
        As :meth:`TraceWriter.resume` and :func:`rebuild`.
    InputError
        When films that were given cannot be read.
    """
    study = _study(agent, films or session.films, priors or session.priors, given=bool(films))
    writer, trace = TraceWriter.resume(session.run)
    with writer:
        writer.on_event = heard
        chat = rebuild(writer, trace, agent.setup, study)
        keep_session(
            session.name, session.run, films or session.films, priors or session.priors, new=False
        )
        yield chat
        chat.run.finish()


def add_prior(agent: Agent, chat: Chat, path: Path, session: Session | None = None) -> str:
    """Read a further prior into an open study; returns its handle.

    Parameters
    ----------
    session
        Where its films are still there, the prior is held against them: patient, date.

    Raises
    ------
    InputError, UnsuitableFilm
        As a reading.
    """
    run = chat.run
    films = session.films if session is not None else ()
    if films and all(film.is_file() for film in films):
        film = agent.load(films, priors=[path]).priors[0]
    else:
        film = agent.load(path).images[0]
    if film.sha256 in {run.study.image(handle).sha256 for handle in run.study.handles}:
        raise UnsuitableFilm(
            PriorCode.DUPLICATE_FILM,
            "this film is part of the study already",
            hint="/prior lists the priors that there are.",
        )
    with thresholds_changed(run.setup.changed):
        return run.add_prior(film)


def _study(
    agent: Agent, films: Sequence[Path], priors: Sequence[Path], *, given: bool
) -> Study | None:
    try:
        return agent.load(films, priors=priors)
    except InputError:
        if given:
            raise
        return None
