"""Checks of what a call costs: on a film of 4 megapixels, reckoned up to the 20 of a large one."""

from __future__ import annotations

import time
import tracemalloc
from typing import Final

from cxr_agent.testing.checks.outcome import Broken
from cxr_agent.testing.checks.scene import Bank, enlarged, phantom

_TIMES: Final = 4
_TRIES: Final = 3
_LARGE: Final = 20e6 / (512 * _TIMES) ** 2


def time_limit(bank: Bank) -> None:
    """It would end within its time limit on a 20-megapixel film."""
    bench = bank.bench(enlarged(phantom(), _TIMES))
    reckoned = float("inf")
    for _ in range(_TRIES):  # a machine that was busy with something else is no fault of the tool
        if reckoned <= bank.spec.time_limit_s:
            break
        began = time.perf_counter()
        bank.made(bench).unfailed("a film of 4 megapixels")
        reckoned = min(reckoned, _LARGE * (time.perf_counter() - began))
    if reckoned > bank.spec.time_limit_s:
        raise Broken(
            f"a 20-megapixel film would take about {reckoned:.1f} s; "
            f"its limit is {bank.spec.time_limit_s:g} s"
        )


def memory_limit(bank: Bank) -> None:
    """What Python and NumPy take for a call stays within its memory limit."""
    bench = bank.bench(enlarged(phantom(), _TIMES))
    tracemalloc.start()
    try:
        bank.made(bench).unfailed("a film of 4 megapixels")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    reckoned = _LARGE * peak / 2**20
    if reckoned > bank.spec.memory_mib:
        raise Broken(
            f"a 20-megapixel film would take about {reckoned:.0f} MiB; "
            f"its limit is {bank.spec.memory_mib} MiB"
        )
