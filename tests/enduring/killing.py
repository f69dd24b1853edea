"""kill -9 of the real program while it does its work, and not while it starts."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.cli.program import Ran, run_program

LOOK_S: Final = 0.01
LONGEST_S: Final = 60.0
KILLED: Final = -signal.SIGKILL


def run_killed(
    *words: str | Path,
    traces: Path,
    working: Callable[[], bool],
    later_s: float,
    heavy: tuple[str, ...] = (),
) -> Ran:
    """Run a command, and kill it ``later_s`` after ``working`` is first true, if it still runs."""
    with ThreadPoolExecutor(1) as pool:

        def begun(number: int) -> None:
            # A number may be another process's by the time of the kill; this is not.
            pool.submit(_kill, os.pidfd_open(number), working, later_s).add_done_callback(
                lambda done: done.result()
            )

        return run_program(*words, traces=traces, heavy=heavy, begun=begun)


def _kill(process: int, working: Callable[[], bool], later_s: float) -> None:
    try:
        until = time.monotonic() + LONGEST_S
        while not working():
            if time.monotonic() > until or _ended(process):
                return
            time.sleep(LOOK_S)
        time.sleep(later_s)
        signal.pidfd_send_signal(process, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it ended by itself
    finally:
        os.close(process)


def _ended(process: int) -> bool:
    try:
        signal.pidfd_send_signal(process, 0)
    except ProcessLookupError:
        return True
    return False
