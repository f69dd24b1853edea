"""Fixtures of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cxr_agent.imaging import Decoder


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    """One warm worker for all tests that only decode."""
    with Decoder() as one:
        yield one
