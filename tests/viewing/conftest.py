"""A browser for the tests of a module, and runs to look at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_agent.trace import TraceWriter
from tests.chromium import PROGRAM, Browser, chromium

from .runs import hostile_events, write_drawn, write_reading


@pytest.fixture(scope="session")
def kept_reading(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reading(tmp_path_factory.mktemp("reading"))


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    folder = tmp_path / "traces"
    folder.mkdir()
    return folder


@pytest.fixture
def reading(kept_reading: Path, traces: Path) -> Path:
    """A run that was read, asked and corrected; a copy, so that a test may change it."""
    return Path(shutil.copytree(kept_reading, traces / kept_reading.name))


@pytest.fixture
def drawn(traces: Path) -> Path:
    """A run with every kind of drawing."""
    return write_drawn(traces)


@pytest.fixture
def hostile(traces: Path) -> Path:
    """A run whose every text tries to act."""
    with TraceWriter.create(traces, "hostile") as trace:
        for event in hostile_events(trace.put):
            trace.append(event)
    return trace.directory


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
