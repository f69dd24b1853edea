"""Open chats over phantoms whose outlines are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.chat import Chat
from cxr_agent.language import LanguageModel, ModelSettings
from cxr_agent.reading.run import Run
from cxr_agent.reading.setup import Setup
from cxr_agent.testing.phantom import PhantomSpec
from cxr_agent.testing.stub_server import Reply, StubServer
from cxr_agent.toolbox.registry import built_in
from cxr_agent.trace import TraceWriter
from tests.builders import Scene, scene

BIG, SMALL = PhantomSpec(cardiothoracic_ratio=0.6), PhantomSpec(cardiothoracic_ratio=0.4)
OpenChat = Callable[..., Chat]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("cxr_agent.language.attempts._PAUSES", (0.01, 0.01))


@pytest.fixture
def setup_of() -> Callable[..., Setup]:
    def make(made: Scene, **rest: Any) -> Setup:
        return Setup(registry=built_in(), shelf=made.shelf, **rest)

    return make


@pytest.fixture
def open_chat(tmp_path: Path, setup_of: Callable[..., Setup]) -> Iterator[OpenChat]:
    """Reads a study and keeps it open."""
    opened: list[TraceWriter] = []

    def open_one(made: Scene | None = None, **rest: Any) -> Chat:
        made = made or scene(BIG)
        trace = TraceWriter.create(tmp_path / "traces")
        opened.append(trace)
        run = Run(made.study, setup_of(made, **rest), trace)
        run.start()
        run.read()
        run.issue()
        return Chat(run)

    yield open_one
    for trace in opened:
        trace.close()


@pytest.fixture
def with_model(open_chat: OpenChat) -> Iterator[Callable[..., Chat]]:
    """Chats whose answers a script words; the reading itself is finished by its first reply."""
    servers: list[StubServer] = []

    def open_one(
        script: Sequence[Reply],
        made: Scene | None = None,
        takes_images: bool | None = None,
        **rest: Any,
    ) -> Chat:
        server = StubServer([FINISH, Reply.said("NOT KNOWN"), *script])
        servers.append(server)
        server.__enter__()
        settings = ModelSettings(
            name="openai/stub", api_base=server.url, seconds=10, takes_images=takes_images
        )
        chat = open_chat(made, model=LanguageModel(settings), **rest)
        chat.requests = server.requests  # type: ignore[attr-defined]
        return chat

    yield open_one
    for server in servers:
        server.close()


FINISH = Reply.calls([("finish", {})])
