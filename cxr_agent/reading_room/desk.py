"""Who reads, answers and corrects: one thing at a time, with a short queue in front."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

from cxr_agent.chat import Answer, Chat
from cxr_agent.reading import Agent
from cxr_agent.reading_room.limits import Limits
from cxr_agent.reading_room.study import SentStudy, State
from cxr_agent.viewing.answering import Refused
from cxr_agent.viewing.correcting import Word, correct

_LATER_S: Final = 5
_Others = Callable[[], Iterable[SentStudy]]


class Desk:
    """Has studies read in their order by one thread.

    Parameters
    ----------
    agent
        Closed by whoever opened it.
    """

    def __init__(self, agent: Agent, limits: Limits) -> None:
        self.agent = agent
        self._patience_s = limits.patience_s
        self._waiting: queue.Queue[tuple[SentStudy, _Others] | None] = queue.Queue(limits.waiting)
        self._working = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="reader", daemon=True)
        self._reader.start()

    def put(self, study: SentStudy, beyond: _Others) -> None:
        """Have a study read; raises Refused ``busy`` where too many wait.

        Parameters
        ----------
        beyond
            Gives those that are closed before, to make room.
        """
        try:
            self._waiting.put_nowait((study, beyond))
        except queue.Full:
            raise _busy("too many studies wait to be read") from None

    def ahead(self, study: SentStudy) -> int:
        """How many are read before it."""
        with self._waiting.mutex:
            waiting = [one[0] for one in self._waiting.queue if one is not None]
        return waiting.index(study) + 1 if study in waiting else 0

    def ask(self, study: SentStudy, text: str) -> dict[str, Any]:
        """Answer a question; raises Refused, TraceError, OutputError."""
        with self._at(study) as chat:
            return _said(chat.ask(text))

    def correct(self, study: SentStudy, word: Word) -> dict[str, Any]:
        """Take a reader's word; raises Refused, UsageError, TraceError, OutputError."""
        with self._at(study) as chat:
            done = correct(chat.run, word)
            return {"withdrawn": done.withdrawn, "added": [item.id for item in done.added]}

    def close(self, *studies: SentStudy) -> None:
        """End their runs."""
        for study in studies:
            study.leave()
        with self._working:
            for study in studies:
                study.close()

    def end(self) -> None:
        """End the thread, after the study that it reads."""
        while True:
            try:
                self._waiting.get_nowait()
            except queue.Empty:
                break
        self._waiting.put(None)
        self._reader.join()

    @contextmanager
    def _at(self, study: SentStudy) -> Iterator[Chat]:
        if study.state not in (State.OPEN, State.CLOSED) or not study.has_report:
            raise Refused(HTTPStatus.CONFLICT, "no_report", "this study has no report yet")
        if not self._working.acquire(timeout=self._patience_s):
            raise _busy("a study is being read")
        try:
            with study.opened(self.agent) as chat:
                yield chat
        finally:
            self._working.release()

    def _read(self) -> None:
        while (found := self._waiting.get()) is not None:
            study, beyond = found
            with self._working:
                for other in beyond():
                    other.close()
                study.read(self.agent)


def _said(answer: Answer) -> dict[str, Any]:
    return {
        "turn": answer.turn,
        "sentences": [{"text": s.text, "evidence": list(s.evidence)} for s in answer.sentences],
        "notes": [{"code": note.code, "text": note.text} for note in answer.notes],
        "worded_by": answer.worded_by,
    }


def _busy(message: str) -> Refused:
    hint = f"again in {_LATER_S} s"
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, "busy", message, hint=hint, wait_s=_LATER_S)
