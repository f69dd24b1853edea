"""A pytest plug-in: one line in docs/long_runs.log for each long test, as it ends.

CXR_AGENT_LONG=1 python -m pytest -m long -p tests.long_log
"""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.long_runs import LONG

WORKER = "PYTEST_XDIST_WORKER" in os.environ
"""Whether this is one of several processes: the one that started them writes the log."""
LOG = Path(__file__).resolve().parents[1] / "docs" / "long_runs.log"


def pytest_sessionstart(session: pytest.Session) -> None:
    """A new log for all of the long tests; a line more for a part of them."""
    if WORKER:
        return
    whole = session.config.getoption("markexpr") == "long" and session.config.args_source.name in (
        "TESTPATHS",
        "INVOCATION_DIR",
    )
    with LOG.open("w" if whole else "a", encoding="utf-8") as file:
        file.write(f"# {_now()} {_machine()} commit {_commit()} {'full' if LONG else 'samples'}\n")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What the test told of itself, how long it took, and how it ended."""
    if WORKER or "long" not in report.keywords or not (report.when == "call" or report.failed):
        return
    facts = " ".join(f"{name}={value}" for name, value in report.user_properties)
    line = f"{_now()} {report.outcome} {report.duration:.0f} s {report.nodeid} {facts}"
    with LOG.open("a", encoding="utf-8") as file:
        file.write(line.rstrip() + "\n")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.machine()} Python {platform.python_version()}"
    return f"{system}, {os.cpu_count()} processors, {memory:.0f} GiB"


def _commit() -> str:
    asked = ["git", "-C", os.fspath(LOG.parent), "describe", "--always", "--dirty"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return told or "unknown"
