"""Fixtures that several test packages share; builders stand in ``builders.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cxr_agent.toolbox.registry import Registry, built_in
from tests.builders import Bank, Maker, Scene, bank


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
