"""One small thorax for all tests of this folder."""

from __future__ import annotations

import pytest

from cxr_agent.testing.phantom.thorax import Thorax, thorax


@pytest.fixture(scope="session")
def body() -> Thorax:
    return thorax(size=64)
