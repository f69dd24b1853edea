"""Whole processes from cold: the help page, and one reading."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.films import write_film

COMMAND = (sys.executable, "-m", "cxr_agent.cli.main")
RUNS = 5


@dataclass(frozen=True, slots=True)
class Cost:
    """Median wall time and the largest peak memory of a process and its children."""

    seconds: float
    peak_mib: int


def measure(arguments: tuple[str, ...], runs: int = RUNS) -> Cost:
    """Run a command some times, after one run that is not counted."""
    seconds: list[float] = []
    peak = 0
    for run in range(runs + 1):
        began = time.perf_counter()
        process = subprocess.Popen((*COMMAND, *arguments), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{arguments[0]} ended with status {process.returncode}")
        if run:
            seconds.append(time.perf_counter() - began)
        peak = max(peak, usage.ru_maxrss // 1024)
    return Cost(statistics.median(seconds), peak)


def rows() -> list[tuple[str, str]]:
    """What the table shows."""
    with tempfile.TemporaryDirectory() as folder:
        film = write_film(Path(folder), 2048)
        traces = ("--traces", str(Path(folder) / "traces"))
        help_page = measure(("--help",))
        one = measure(("read", str(film), *traces))
        ten = measure(("read", *(str(film),) * 10, *traces), runs=3)
    return [
        ("`cxr-agent --help`, cold", f"{help_page.seconds:.2f} s"),
        ("one reading of a 2048 px film, cold", f"{one.seconds:.2f} s, {one.peak_mib} MiB"),
        ("ten readings in one process", f"{ten.seconds:.2f} s, {ten.peak_mib} MiB"),
        (
            "a further film against the first",
            f"1 : {one.seconds / ((ten.seconds - one.seconds) / 9):.1f}",
        ),
    ]
