"""Fixtures of the tests against servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cxr_agent.imaging import Decoder

from .archive import Archive, orthanc
from .hostile import Hostile, hostile


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    with Decoder() as one:
        yield one


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Empty at first; each test has a patient of its own."""
    with orthanc(tmp_path_factory.mktemp("orthanc")) as one:
        yield one


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile() as one:
        yield one
