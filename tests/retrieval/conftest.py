"""A machine with no network and nothing pulled, and tiny encoders."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.models.adapters import tiny


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing may reach for another machine")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path / "pulled"))


def made(folder: Path, family: str, seed: int = 0) -> Path:
    """A checkpoint with random weights: ``sentence``, ``clip`` or ``dinov2``."""
    import torch

    folder.mkdir()
    torch.manual_seed(seed)
    {"sentence": tiny.sentence, "clip": tiny.clip, "dinov2": tiny.dinov2}[family](folder)
    return folder


@pytest.fixture
def sentence(offline: None, tmp_path: Path) -> Path:
    return made(tmp_path / "sentence", "sentence")


@pytest.fixture
def clip(offline: None, tmp_path: Path) -> Path:
    return made(tmp_path / "clip", "clip")
