"""Memory that a process keeps at hand; tried in one of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SCRIPT = """
import resource
from cxr_agent.allocator import keep_freed_memory
kept = keep_freed_memory()
import numpy as np
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(2_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(int(kept), faults())
"""


_FROZEN = """
import gc
from cxr_agent.allocator import pass_over_loaded_objects
pass_over_loaded_objects()
cycle = []
cycle.append(cycle)
del cycle
print(gc.get_freeze_count(), gc.collect())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone can be told")
def test_what_was_freed_is_not_asked_for_again() -> None:
    ran = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, check=True)
    kept, faults = map(int, ran.stdout.split())
    if not kept:
        pytest.skip("this C library cannot be told")
    assert faults < 1000  # 20 x 16 MB anew would be 80,000 pages


def test_what_is_loaded_is_no_longer_looked_through() -> None:
    ran = subprocess.run([sys.executable, "-c", _FROZEN], capture_output=True, check=True)
    frozen, later = map(int, ran.stdout.split())
    assert frozen > 1000
    assert later == 1  # what is made afterwards is collected as ever
