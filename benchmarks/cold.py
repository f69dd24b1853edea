"""Whole processes from cold: the help page, and one reading."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.films import write_film

COMMAND = (sys.executable, "-m", "cxr_agent.cli.main")
RUNS = 5
_LAUNCHER = """
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - began, os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""
"""A small process in between: the peak of a new process is at first that of who starts it."""


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
        told = subprocess.run(
            (sys.executable, "-c", _LAUNCHER, *COMMAND, *arguments),
            check=True,
            capture_output=True,
            text=True,
        )
        took, status, kib = told.stdout.split()
        if int(status):
            raise RuntimeError(f"{arguments[0]} ended with status {status}")
        if run:
            seconds.append(float(took))
        peak = max(peak, int(kib) // 1024)
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
