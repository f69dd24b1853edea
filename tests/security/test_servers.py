"""Each server of the program: on this machine's own address, for who has the token, by its name."""

from __future__ import annotations

import http.client
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE

from cxr_agent.cli.receive import receive
from cxr_agent.interop.dimse import Listening, receiving
from cxr_agent.reading import Agent
from cxr_agent.testing.phantom import draw
from tests.cli.program import levels, save
from tests.reading_room import serving as room
from tests.serving.clients import Served, http_server
from tests.viewing import serving as viewer

VERIFICATION = "1.2.840.10008.1.1"


@dataclass(frozen=True)
class Running:
    """A server that answers HTTP."""

    port: int
    path: str
    """What only who has the token may ask for."""
    token: Mapping[str, str]
    """Headers of who has it."""
    wrong: tuple[Mapping[str, str], ...]
    """Headers of who has not."""
    method: str = "GET"
    known: int = 200
    more: Mapping[str, str] = field(default_factory=dict)

    def status(self, headers: Mapping[str, str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            body = b"{}" if self.method == "POST" else None
            connection.request(self.method, self.path, body, {**self.more, **headers})
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def _viewer(folder: Path) -> Iterator[Running]:
    (folder / "traces").mkdir()
    with viewer.served(folder / "traces") as server:
        yield _with_cookie(server.guard)


@contextmanager
def _room(folder: Path) -> Iterator[Running]:
    with (
        Agent(traces=folder / "traces", device="cpu", model="none") as agent,
        room.served(agent) as server,
    ):
        visitor = room.Visitor(server.guard.port, server.guard.token)
        name = visitor.cookie.partition("=")[0]
        yield Running(visitor.port, "/", {"Cookie": visitor.cookie}, ({}, {"Cookie": f"{name}=x"}))


def _with_cookie(guard: Any) -> Running:
    cookie = guard.cookie.partition(";")[0]
    return Running(guard.port, "/", {"Cookie": cookie}, ({}, {"Cookie": f"{guard.cookie_name}=x"}))


@contextmanager
def _mcp(folder: Path) -> Iterator[Running]:
    films = folder / "films"
    films.mkdir()
    save(films / "chest.png", levels(draw(size=256).pixels, 8))
    with http_server(Served(films, folder / "traces", folder / "errors")) as (address, token):
        port = int(address.rpartition(":")[2].partition("/")[0])
        assert address == f"http://127.0.0.1:{port}/mcp"
        yield Running(
            port,
            "/mcp",
            {"Authorization": f"Bearer {token}"},
            (
                {},
                {"Authorization": "Bearer x"},
                {"Authorization": f"Basic {token}"},
                {"Authorization": f"Bearer {token}x"},
            ),
            method="POST",
            known=400,  # who has it is told that this is no request of the protocol
            more={
                "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream",
            },
        )


SERVERS = {"trace serve": _viewer, "serve": _room, "serve mcp --http": _mcp}


def listening(port: int) -> set[str]:
    """Addresses, as in /proc/net/tcp, at which anything listens at this port."""
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    ends = [row[1].split(":") for row in rows if row[3] == "0A"]
    return {address for address, at in ends if int(at, 16) == port}


@pytest.mark.parametrize("name", SERVERS)
def test_who_is_answered(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_STATE", str(tmp_path / "state"))
    with SERVERS[name](tmp_path) as server:
        assert listening(server.port) == {"0100007F"}
        assert server.status(server.token) == server.known
        for headers in server.wrong:
            assert server.status(headers) in (401, 403), headers
        for headers in (
            {"Host": "evil.example"},
            {"Host": f"evil.example:{server.port}"},
            {"Host": "127.0.0.1.evil.example"},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": f"http://localhost.evil.example:{server.port}"},
        ):
            assert server.status({**server.token, **headers}) in (403, 421), headers


def test_objects_are_received_from_this_machine_and_by_title(tmp_path: Path) -> None:
    """DICOM's protocol has no token: the address and the titles are all that there is."""
    assert inspect.signature(receive).parameters["host"].default == "127.0.0.1"
    assert Listening.at("X@11112").host == Listening().host == "127.0.0.1"
    how = Listening(callers=("FRIEND",))
    with receiving(tmp_path / "in", how) as (_, port):
        assert listening(port) == {"0100007F"}
        assert _associated(port, "FRIEND", how.title)
        assert not _associated(port, "STRANGER", how.title)
        assert not _associated(port, "FRIEND", "OTHER")


def _associated(port: int, calling: str, called: str) -> bool:
    entity = AE(ae_title=calling)
    entity.add_requested_context(VERIFICATION)
    here = ("127.0.0.1", 0)
    link = entity.associate("127.0.0.1", port, ae_title=called, bind_address=here)
    if link.is_established:
        link.release()
        return True
    return False


def test_every_command_that_listens_is_here() -> None:
    """Who binds a socket is known; a new one belongs into the table above."""
    root = Path(inspect.getfile(receive)).parents[1]
    binding = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "testing" not in path.parts
        and any(sign in path.read_text() for sign in (".bind(", "start_server(", "HTTPServer"))
    }
    assert binding == {
        "interop/dimse_receive.py",
        "reading_room/server.py",
        "serving/mcp_running.py",
        "viewing/server.py",
    }
