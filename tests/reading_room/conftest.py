"""One reader for the tests of a module, and films to send."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.reading import Agent
from cxr_agent.reading_room.server import Server
from cxr_agent.testing.phantom import draw
from tests.chromium import PROGRAM, Browser, chromium

from .serving import Visitor, served


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_STATE", str(tmp_path / "state"))


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    traces = tmp_path_factory.mktemp("room") / "traces"
    with Agent(traces=traces, device="cpu", model="none", privacy="full") as reader:
        yield reader


@pytest.fixture
def server(agent: Agent) -> Iterator[Server]:
    with served(agent) as running:
        yield running


@pytest.fixture
def visitor(server: Server) -> Visitor:
    return Visitor(server.guard.port, server.guard.token)


@pytest.fixture(scope="session")
def film() -> bytes:
    """A phantom as PNG."""
    out = io.BytesIO()
    Image.fromarray(np.rint(draw().pixels * 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not installed")
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        browser.size(1500, 950)
        yield browser


@pytest.fixture
def browser(one_browser: Browser) -> Browser:
    """The module's browser, with nothing said or asked yet."""
    one_browser.console.clear()
    one_browser.requests.clear()
    one_browser.prefer()
    return one_browser
