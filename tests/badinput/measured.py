"""The program with its peak of memory: ``python -m tests.badinput.measured ARGUMENTS``.

The last line of standard error tells the peaks of this process and of what it started, in MiB.
"""

from __future__ import annotations

import atexit
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cli.program import CODE, ROOT, environment

from .case import Argument

_MARK: Final = "peak MiB:"


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one run of the real program."""

    status: int
    err: str
    codes: tuple[str, ...]
    seconds: float
    mib: float
    """Peak of the program and of the largest process that it started, together."""


def run_measured(arguments: Sequence[Argument], folder: Path, *, timeout: float = 60) -> Measured:
    """Run ``cxr-agent`` in a process of its own; its working folder is ``folder``."""
    own = {"XDG_DATA_HOME": str(folder / "data"), "XDG_STATE_HOME": str(folder / "state")}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "tests.badinput.measured", *map(os.fspath, arguments)],
        capture_output=True,
        cwd=folder,
        env=environment(folder / "traces", PYTHONPATH=str(ROOT), **own),
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    seconds = time.monotonic() - started
    err, _, peaks = done.stderr.decode("utf-8", "replace").rpartition(_MARK)
    codes = tuple(match["code"] for line in err.splitlines() if (match := CODE.match(line)))
    return Measured(done.returncode, err, codes, seconds, sum(map(float, peaks.split())))


def _tell() -> None:
    # Not ru_maxrss for this process: it goes on from the peak of the one that started it.
    status = Path("/proc/self/status").read_text()
    own = int(status.partition("VmHWM:")[2].split(maxsplit=1)[0])
    peaks = [kib / 1024 for kib in (own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)]
    print(_MARK, *(f"{peak:.1f}" for peak in peaks), file=sys.stderr)


if __name__ == "__main__":
    from cxr_agent.cli.main import run

    sys.argv[0] = "cxr-agent"
    atexit.register(_tell)
    run()
