"""What the server of a folder of runs answers to one request."""

from __future__ import annotations

import io
import json
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from cxr_agent.trace import salvage_trace
from cxr_agent.viewing.answering import Answering, nowhere, stranger
from cxr_agent.viewing.correcting import findings, word_of
from cxr_agent.viewing.following import stream_run
from cxr_agent.viewing.guard import Guard
from cxr_agent.viewing.index import index_page
from cxr_agent.viewing.listing import Wanted
from cxr_agent.viewing.page import run_page

if TYPE_CHECKING:
    from cxr_agent.viewing.server import Server

MOST_JSON: Final = 16 * 1024
"""Bytes of what a page sends that is no film."""


class Handler(Answering):
    """The list, the pages of runs, their events, and corrections."""

    @property
    def front(self) -> Guard:
        return self._server.guard

    @property
    def _server(self) -> Server:
        return cast("Server", self.server)

    def on_get(self, path: str, fields: dict[str, str]) -> None:
        server, guard = self._server, self._server.guard
        if path == "/" and "token" in fields:
            if not guard.is_first_visit(fields["token"]):
                raise stranger()
            self.send(HTTPStatus.SEE_OTHER, more={"Set-Cookie": guard.cookie, "Location": "/"})
            return
        if not guard.knows(self.headers):
            raise stranger()
        match path.split("/"):
            case ["", ""]:
                rows = server.listing.rows()
                self.send(HTTPStatus.OK, "text/html", index_page(rows, Wanted.asked(fields)))
            case ["", "run", name]:
                self.send(HTTPStatus.OK, "text/html", self._run_page(name))
            case ["", "run", name, "events"]:
                stream_run(self, self._find(name), fields, server.streams, server.closing)
            case _:
                raise nowhere()

    def on_post(self, path: str, _: dict[str, str]) -> None:
        guard = self._server.guard
        if not guard.knows(self.headers) or not guard.may_write(self.headers):
            raise stranger()
        match path.split("/"):
            case ["", "run", name, "corrections"]:
                body = io.BytesIO()
                self.take(self.length("application/json", MOST_JSON), body)
                word = word_of(body.getvalue())
                done = self._server.desk.correct(self._find(name), word)
                said = {"withdrawn": done.withdrawn, "added": [item.id for item in done.added]}
                self.send(HTTPStatus.OK, "application/json", json.dumps(said))
            case _:
                raise nowhere()

    def _find(self, name: str) -> Path:
        found = self._server.listing.find(name)
        if found is None:
            raise nowhere()
        return found

    def _run_page(self, name: str) -> str:
        trace, problems = salvage_trace(self._find(name))
        live = {
            "events": f"/run/{name}/events",
            "corrections": f"/run/{name}/corrections",
            "page": self._server.guard.page,
            "findings": findings(),
        }
        return run_page(trace, problems, live)
