"""Fixtures that several test packages share; builders stand in ``builders.py``."""

from __future__ import annotations

import inspect
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cxr_agent.toolbox.registry import Registry, built_in
from tests.builders import SHARED, Bank, Maker, Scene, bank
from tests.guarding import loopback_only  # noqa: F401 - it holds for every test


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that no worker is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _closed_connections() -> Iterator[None]:
    """LiteLLM keeps a connection per server, and each test has a server of its own."""
    yield
    litellm = sys.modules.get("litellm")
    if litellm is None:
        return
    clients = litellm.in_memory_llm_clients_cache
    for client in list(clients.cache_dict.values()):
        close = getattr(client, "close", None)
        if close is not None and not inspect.iscoroutinefunction(close):
            close()
    clients.flush_cache()


@pytest.fixture
def make() -> Maker:
    return Maker()


@pytest.fixture
def open_bank(tmp_path: Path) -> Iterator[Callable[..., Bank]]:
    """Opens toolboxes; their traces are closed at the end."""
    opened: list[Bank] = []

    def open_one(made: Scene | None = None, registry: Registry | None = None) -> Bank:
        opened.append(bank(tmp_path / "traces", registry or built_in(), made))
        return opened[-1]

    yield open_one
    for one in opened:
        one.writer.close()


@pytest.fixture(scope="session")
def bad_input(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hostile files, unpacked."""
    archive = SHARED / "badinput" / "cases.tar.xz"
    if not archive.exists():
        pytest.skip("../shared/badinput is not here")
    folder = tmp_path_factory.mktemp("badinput")
    with tarfile.open(archive) as file:
        # A fifo and broken links are part of the set, which the "data" filter would refuse.
        file.extractall(folder, filter="fully_trusted")
    return folder
