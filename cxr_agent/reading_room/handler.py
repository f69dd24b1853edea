"""What the page's server answers to one request."""

from __future__ import annotations

import io
import json
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr_agent.reading_room.downloads import FORMS, made
from cxr_agent.reading_room.pages import start_page, static, study_page
from cxr_agent.reading_room.session import Session
from cxr_agent.reading_room.study import SentStudy
from cxr_agent.report.model import NOTICE
from cxr_agent.viewing.answering import HEADERS, Answering, Refused, nowhere, stranger
from cxr_agent.viewing.correcting import word_of
from cxr_agent.viewing.following import send_event, stream_run
from cxr_agent.viewing.guard import Guard
from cxr_agent.viewing.handler import MOST_JSON
from cxr_agent.viewing.page import LINKED_POLICY

if TYPE_CHECKING:
    from cxr_agent.reading_room.server import Server

_POLL_S: Final = 0.1
_TOP: Final = "frame-ancestors 'none'; object-src 'none'"
_HEADERS_OF_ALL: Final = {**HEADERS, "Content-Security-Policy": f"{LINKED_POLICY}; {_TOP}"}
_REPORT_POLICY: Final = f"sandbox allow-scripts; {_TOP}"
"""A report is of no origin: its one script, known by its hash, reaches nothing of ours."""


class _Wanted(BaseModel):
    """What is to be read: names of films that were sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    films: tuple[str, ...] = Field(min_length=1, max_length=64)
    priors: tuple[str, ...] = Field(default=(), max_length=64)
    indication: str = Field(default="", max_length=2000)


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1, max_length=2000)


class _Unwanted(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    films: tuple[str, ...] = Field(max_length=64)


_Body = TypeVar("_Body", bound=BaseModel)


class Handler(Answering):
    """Films, studies, their pages, questions, corrections, and what is taken away."""

    headers_of_all = _HEADERS_OF_ALL

    @property
    def front(self) -> Guard:
        return self._server.guard

    @property
    def _server(self) -> Server:
        return cast("Server", self.server)

    def on_get(self, path: str, fields: dict[str, str]) -> None:
        if path == "/" and "token" in fields:
            self._let_in(fields["token"])
            return
        if path == "/left":
            self.send(HTTPStatus.OK, content=f"{NOTICE}\nThe session has ended.\n")
            return
        session = self._session()
        match path.split("/"):
            case ["", ""]:
                self.send(
                    HTTPStatus.OK, "text/html", start_page(session, self._server.desk.agent.setup)
                )
            case ["", "static", _] if path in static():
                self.send(HTTPStatus.OK, *static()[path])
            case ["", "study", name]:
                self._study_page(session, session.study(name))
            case ["", "study", name, "state"]:
                self._stream_state(session, session.study(name))
            case ["", "study", name, "events"]:
                directory = _directory(session.study(name))
                stream_run(self, directory, fields, session.streams, self._server.closing)
            case ["", "study", name, "report"]:
                body, kind = _made("report.html", session.study(name))
                more = {"Content-Security-Policy": _REPORT_POLICY}
                self.send(HTTPStatus.OK, kind, body, more)
            case ["", "study", name, wanted] if wanted in FORMS:
                body, kind = _made(wanted, session.study(name))
                more = {"Content-Disposition": f'attachment; filename="cxr-agent-{wanted}"'}
                self.send(HTTPStatus.OK, kind, body, {**more, "Content-Security-Policy": "sandbox"})
            case _:
                raise nowhere()

    def on_post(self, path: str, _: dict[str, str]) -> None:
        session = self._session()
        if not session.guard.may_write(self.headers):
            raise stranger()
        match path.split("/"):
            case ["", "films"]:
                self._take_film(session)
            case ["", "films", "forget"]:
                session.forget(_parsed(_Unwanted, self._json()).films)
                self._tell(HTTPStatus.OK, {})
            case ["", "studies"]:
                self._begin(session)
            case ["", "study", name, "questions"]:
                study = session.study(name)
                self._count(session, "questions")
                asked = _parsed(_Asked, self._json())
                self._tell(HTTPStatus.OK, self._server.desk.ask(study, asked.text))
            case ["", "study", name, "corrections"]:
                study = session.study(name)
                self._count(session, "questions")
                word = word_of(self._json())
                self._tell(HTTPStatus.OK, self._server.desk.correct(study, word))
            case ["", "leave"]:
                self._json()
                self._server.sessions.end(session)
                gone = f"{session.guard.cookie_name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
                self._tell(HTTPStatus.OK, {}, {"Set-Cookie": gone})
            case _:
                raise nowhere()

    def _let_in(self, token: str) -> None:
        server = self._server
        _within(server.visits.take())
        if not server.guard.is_first_visit(token):
            raise stranger()
        # Who has a session keeps it: a second tab is no second session.
        session = server.sessions.of(self.headers) or server.sessions.open()
        more = {"Set-Cookie": session.guard.cookie, "Location": "/"}
        self.send(HTTPStatus.SEE_OTHER, more=more)

    def _session(self) -> Session:
        session = self._server.sessions.of(self.headers)
        if session is None:
            raise stranger()
        return session

    def _count(self, session: Session, kind: str) -> None:
        _within(session.buckets.take(kind) or self._server.buckets.take(kind))

    def _take_film(self, session: Session) -> None:
        self._count(session, "uploads")
        length = self.length("application/octet-stream", session.limits.upload_bytes)
        with session.film(length) as (name, file):
            self.take(length, file)
        self._tell(HTTPStatus.CREATED, {"film": name})

    def _begin(self, session: Session) -> None:
        wanted = _parsed(_Wanted, self._json())
        self._count(session, "readings")
        study = session.begin(wanted.films, wanted.priors, wanted.indication)
        try:
            self._server.desk.put(study, session.too_many_open)
        except Refused:
            session.drop(study)
            raise
        self._tell(HTTPStatus.ACCEPTED, {"study": study.name})

    def _study_page(self, session: Session, study: SentStudy) -> None:
        if study.directory is None:  # the list says how it stands
            self.send(HTTPStatus.SEE_OTHER, more={"Location": "/"})
            return
        self.send(HTTPStatus.OK, "text/html", study_page(session, study))

    def _stream_state(self, session: Session, study: SentStudy) -> None:
        """How far a study is, until it is read or never will be."""
        if not session.streams.acquire(blocking=False):
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "too many pages are open")
        try:
            self.head(HTTPStatus.OK, "text/event-stream")
            said = None
            while True:
                over = study.is_over
                now = self._state_of(study)
                if now != said:
                    said = now
                    send_event(self, "state", 0, now)
                if over or self._server.closing.wait(_POLL_S):
                    return
        finally:
            session.streams.release()

    def _state_of(self, study: SentStudy) -> dict[str, Any]:
        ahead = self._server.desk.ahead(study)
        trouble = study.trouble
        return {
            "told": f"Waiting, place {ahead}" if ahead else "Looking at the films …",
            "begun": study.directory is not None,
            "over": study.is_over,
            "trouble": None
            if trouble is None
            else f"{trouble.code}: {trouble.message}"
            + (f" ({trouble.hint})" if trouble.hint else ""),
        }

    def _json(self) -> bytes:
        body = io.BytesIO()
        self.take(self.length("application/json", MOST_JSON), body)
        return body.getvalue()

    def _tell(
        self, status: HTTPStatus, said: dict[str, Any], more: dict[str, str] | None = None
    ) -> None:
        self.send(status, "application/json", json.dumps(said), more)


def _made(form: str, study: SentStudy) -> tuple[bytes, str]:
    return made(form, _directory(study), study.report)


def _directory(study: SentStudy) -> Path:
    if study.directory is None:
        raise nowhere()
    return study.directory


def _parsed(kind: type[_Body], body: bytes) -> _Body:
    try:
        return kind.model_validate_json(body)
    except (ValidationError, RecursionError):
        raise Refused(HTTPStatus.BAD_REQUEST, "bad_request", "this cannot be read") from None


def _within(wait_s: int) -> None:
    if wait_s:
        raise Refused(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_fast",
            "this is more than one may ask for",
            hint=f"again in {wait_s} s",
            wait_s=wait_s,
        )
