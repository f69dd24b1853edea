"""The page's server in a thread, and browsers that may say anything to it."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cxr_agent.reading import Agent
from cxr_agent.reading_room.server import Server

BYTES = "application/octet-stream"
JSON = "application/json"


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def code(self) -> str:
        """Of a refusal, which is one line."""
        assert self.text.count("\n") == 1, self.text
        return self.text.partition(":")[0]

    @property
    def json(self) -> Any:
        assert self.status < 300, self.text
        return json.loads(self.body)


@contextmanager
def served(agent: Agent, **rest: Any) -> Iterator[Server]:
    """Ended at the end."""
    with Server(agent, **rest) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(port: int, path: str, *, method: str = "GET", body: Any = None, **headers: str) -> Said:
    """One request; underscores in names of headers become dashes."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body=body, headers=sent)
        answer = connection.getresponse()
        return Said(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


class Visitor:
    """A browser with a session of its own."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        let_in = ask(port, f"/?token={token}")
        assert let_in.status == 303, let_in.text
        self.cookie = let_in.headers["Set-Cookie"].partition(";")[0]
        found = re.search(r'data-page="([^"]+)"', self.get("/").text)
        assert found is not None
        self.page = found[1]

    def get(self, path: str, **headers: str) -> Said:
        return ask(self.port, path, **{"Cookie": self.cookie, **headers})

    def post(self, path: str, body: Any, kind: str = JSON, **headers: str) -> Said:
        """As a page of the server sends it; ``headers`` take the place of its own."""
        if kind == JSON and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        own = {
            "Cookie": self.cookie,
            "Origin": f"http://127.0.0.1:{self.port}",
            "X_Cxr_Page": self.page,
            "Content_Type": kind,
        }
        return ask(self.port, path, method="POST", body=body, **{**own, **headers})

    def send(self, film: bytes) -> str:
        """Send one film; its name."""
        return str(self.post("/films", film, BYTES).json["film"])

    def begin(self, *films: bytes, priors: tuple[bytes, ...] = (), indication: str = "") -> str:
        """Send films and have them read; the study's name."""
        wanted = {
            "films": [self.send(film) for film in films],
            "priors": [self.send(film) for film in priors],
            "indication": indication,
        }
        return str(self.post("/studies", wanted).json["study"])

    def outcome(self, study: str) -> dict[str, Any]:
        """Wait until a study is read or never will be."""
        said = self.get(f"/study/{study}/state").text
        states = [json.loads(line[6:]) for line in said.splitlines() if line.startswith("data: ")]
        assert states[-1]["over"]
        return dict(states[-1])

    def read(self, *films: bytes, **rest: Any) -> str:
        """Have films read; the study's name, once there is a report."""
        study = self.begin(*films, **rest)
        outcome = self.outcome(study)
        assert outcome["trouble"] is None, outcome
        return study


def until(holds: Any, seconds: float = 10.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
