"""A machine with no network and nothing pulled, and tiny encoders."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from .made import checkpoint


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing may reach for another machine")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path / "pulled"))


@pytest.fixture
def sentence(offline: None, tmp_path: Path) -> Path:
    return checkpoint(tmp_path / "sentence", "sentence")


@pytest.fixture
def clip(offline: None, tmp_path: Path) -> Path:
    return checkpoint(tmp_path / "clip", "clip")
