"""Films to show to tiny networks, and a machine with no network and nothing installed."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from cxr_agent.study import FloatImage
from cxr_agent.testing.phantom import PhantomSpec, draw


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny networks are slower on many threads, and other work runs beside the tests."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in these tests may reach for another machine."""

    def refuse(*_: object) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(autouse=True)
def nothing_pulled(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What the user of this machine pulled is none of a test's business."""
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="session")
def film() -> FloatImage:
    """A phantom film that is not square: 120 rows, 90 columns."""
    pixels = draw(PhantomSpec()).pixels
    rows = np.linspace(0, pixels.shape[0] - 1, 120).astype(int)
    columns = np.linspace(0, pixels.shape[1] - 1, 90).astype(int)
    return np.ascontiguousarray(pixels[np.ix_(rows, columns)], dtype=np.float32)


@pytest.fixture(scope="session")
def films(film: FloatImage) -> list[FloatImage]:
    """Three films of three shapes."""
    return [film, np.ascontiguousarray(film.T), np.ascontiguousarray(1 - film[:60])]
