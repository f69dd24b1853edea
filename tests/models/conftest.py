"""Fixtures of the tests of pulling."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_agent.models import download
from tests.models.pulling import BIG, SMALL
from tests.models.server import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        state.put("big.bin", BIG)
        state.put("part/small.json", SMALL)
        yield state


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(download, "_PAUSE_S", 0.01)
    return tmp_path / "models"
