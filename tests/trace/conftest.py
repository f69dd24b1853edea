"""A finished run to read, check and damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_agent.trace import TraceWriter

from .example import example_events


def write_example(root: Path, run_id: str | None = None) -> Path:
    """Folder of a new run with every kind of event."""
    with TraceWriter.create(root, run_id) as writer:
        for event in example_events(writer.put, writer.run_id):
            writer.append(event)
    return writer.directory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "traces"


@pytest.fixture
def folder(root: Path) -> Path:
    return write_example(root, "run-1")


@pytest.fixture
def lines(folder: Path) -> Path:
    return folder / "trace.jsonl"
