"""One study of a session: from films that were sent to a report that can be asked and corrected."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path

from cxr_agent.chat import Chat
from cxr_agent.chat.opening import new_chat
from cxr_agent.chat.rebuild import rebuild
from cxr_agent.errors import CxrAgentError, InputError
from cxr_agent.reading import Agent
from cxr_agent.report.model import Report
from cxr_agent.trace import Event, RunStarted, TraceWriter


class State(StrEnum):
    """How far a study is."""

    WAITING = "waiting"
    READING = "being read"
    OPEN = "open"
    CLOSED = "closed"
    """Its run is finished; it can still be shown, asked and corrected."""
    REFUSED = "refused"
    """What was sent is no film that is read."""
    FAILED = "failed"


class _Gone(KeyboardInterrupt):
    """Nobody waits for the reading any more; no tool takes this for its own failure."""


class SentStudy:
    """A study under a name that nobody can guess.

    All but :meth:`leave` and what is read of it is done by one thread at a time: see ``desk.py``.

    Parameters
    ----------
    films, priors
        Files of our own, removed once they are decoded.
    title
        For people.
    """

    def __init__(
        self, title: str, films: Sequence[Path], priors: Sequence[Path], indication: str
    ) -> None:
        self.name = secrets.token_urlsafe(16)
        self.title = title
        self.state = State.WAITING
        self.trouble: CxrAgentError | None = None
        """Why there is no report."""
        self.directory: Path | None = None
        """Of the trace, once there is one."""
        self.has_report = False
        self.counted = len(films) + len(priors)
        self._films, self._priors = tuple(films), tuple(priors)
        self._indication = indication
        self._chat: Chat | None = None
        self._ending = ExitStack()
        self._left = threading.Event()

    @property
    def is_over(self) -> bool:
        """Whether it was read, or never will be."""
        return self.state not in (State.WAITING, State.READING)

    @property
    def report(self) -> Report | None:
        """As it stands, with its clinical question, which no trace keeps; None where closed."""
        chat = self._chat
        return chat.report.model_copy(update={"trace": None}) if chat is not None else None

    def read(self, agent: Agent) -> None:
        """Read it and keep it open; what goes wrong is its :attr:`trouble`."""
        self.state = State.READING

        def heard(event: Event) -> None:
            if self._left.is_set():
                raise _Gone
            if isinstance(event, RunStarted):
                self.directory = agent.traces / event.run_id
                self._remove_films()

        try:
            if self._left.is_set():
                raise _Gone
            chat = new_chat(
                agent,
                self._films,
                priors=self._priors,
                indication=self._indication,
                name="",
                heard=heard,
            )
            self._chat = self._ending.enter_context(chat)
            self._chat.run.trace.on_event = None
            self.has_report = True
            self.state = State.OPEN
        except _Gone:
            self.state = State.CLOSED
        except CxrAgentError as error:
            self._failed(error)
        except Exception as error:  # its text may quote a file
            self._failed(CxrAgentError("internal_error", type(error).__name__))
        finally:
            self._remove_films()

    @contextmanager
    def opened(self, agent: Agent) -> Iterator[Chat]:
        """Its chat. Of one that was closed, from its trace: nothing new is looked at then.

        Raises
        ------
        TraceError, OutputError
            As :meth:`TraceWriter.resume` and :func:`rebuild`.
        """
        if self._chat is not None:
            yield self._chat
            return
        assert self.directory is not None
        writer, trace = TraceWriter.resume(self.directory)
        with writer:
            chat = rebuild(writer, trace, agent.setup, None)
            try:
                yield chat
            finally:
                chat.run.finish()

    def leave(self) -> None:
        """Let a reading that goes on end at its next step."""
        self._left.set()

    def close(self) -> None:
        """End its run, and let go of its films."""
        self._left.set()
        self._remove_films()
        if self._chat is not None:
            self._chat = None
            self.state = State.CLOSED
            try:
                self._ending.close()
            except CxrAgentError as error:  # a disk that is full: the trace stays without its end
                self.trouble = error

    def _failed(self, error: CxrAgentError) -> None:
        self.trouble = error
        self.state = State.REFUSED if isinstance(error, InputError) else State.FAILED

    def _remove_films(self) -> None:
        for path in (*self._films, *self._priors):
            path.unlink(missing_ok=True)
