"""Fixtures of the imaging tests."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_agent.imaging import Decoder

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    """One warm worker for all tests that only decode."""
    with Decoder() as one:
        yield one


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
