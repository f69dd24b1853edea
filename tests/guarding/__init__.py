"""No test reaches beyond this machine, nor does any Python process that a test starts.

The guard is an audit hook (PEP 578): it sees what Python's ``socket`` is asked to do, whichever
library asks, and cannot be taken down. Children have it by PYTHONPATH, those that are started with
an environment of their own by what the hook adds to it. What it does not see is what programs that
are not Python do by themselves, and libraries that make system calls of their own (gRPC, and with
it most of Ray; libuv): of those, ``tests/security/test_sockets.py`` has the kernel count.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guarding import loopback_only as hook

# Tests run side by side: what one's processes do is not another's fault.
if hook.LOG not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
    _descriptor, os.environ[hook.LOG] = tempfile.mkstemp(prefix="network-guard-")
    os.close(_descriptor)
    atexit.register(Path(os.environ[hook.LOG]).unlink, missing_ok=True)
hook.guard()


RAYS_OWN = "ray/dashboard/dashboard.py"
RAYS_PLACES = ("'169.254.169.254'", "'metadata.google.internal'", "'usage-stats.ray.io'")
"""Where the head of a Ray cluster asks which cloud it is in, and tells that usage statistics are
off, though they are (``usage_stats_head.py`` of Ray 2.60). No setting of Ray stops it; the guard
does, and does not blame the test. SECURITY.md tells users."""


def refusals(log: Path, since: int = 0) -> list[str]:
    """What was refused, but for the first bytes of the log."""
    if not log.exists() or log.stat().st_size <= since:
        return []
    lines = log.read_bytes()[since:].decode().splitlines()
    return [
        line
        for line in lines
        if not (RAYS_OWN in line and any(place in line for place in RAYS_PLACES))
    ]


@pytest.fixture(autouse=True)
def loopback_only() -> Iterator[None]:
    """Fails a test in which anything asked for another machine."""
    log = Path(os.environ[hook.LOG])
    before = log.stat().st_size if log.exists() else 0
    yield
    found = refusals(log, before)
    if found:
        pytest.fail("beyond this machine: " + "; ".join(found), pytrace=False)
