"""What a cold reading costs: seconds and memory, the decode worker included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_agent.testing.phantom import draw

from .program import MODULE, environment, levels, save

pytestmark = pytest.mark.slow

SECONDS = 5.0
PEAK_MIB = 1024

DRIVER = """
import json, os, resource, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen([sys.executable, *sys.argv[1:]], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - began
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss // 1024]))
"""


def test_cold_reading_of_a_large_film(tmp_path: Path) -> None:
    film = save(tmp_path / "large.png", levels(draw(size=2048).pixels, 8))
    best, peak = float("inf"), 0
    for run in range(3):
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, *MODULE, "read", os.fspath(film)],
            capture_output=True,
            env=environment(tmp_path / f"traces{run}"),
            timeout=120,
            check=True,
        )
        status, seconds, mib = json.loads(done.stdout)
        assert status == 0, done.stderr
        best, peak = min(best, seconds), max(peak, mib)
    assert best < SECONDS
    assert peak < PEAK_MIB
