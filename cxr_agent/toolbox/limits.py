"""A call under a time limit, and whether the machine has the memory for it."""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from cxr_agent.errors import ToolError

_T = TypeVar("_T")
_MEMINFO = Path("/proc/meminfo")


def call_within(seconds: float, name: str, function: Callable[[], _T]) -> _T:
    """Call ``function()`` and give up after ``seconds``; ``name`` is what messages call it.

    The call runs in a daemon thread: Python cannot stop it, so one that hangs is left behind and
    its result, should it ever come, is dropped.

    Raises
    ------
    ToolError
        ``tool_timeout``, or ``tool_failed`` when it tries to end the program. Any other exception
        of the function is raised again.
    """
    box: list[tuple[bool, Any]] = []
    context = contextvars.copy_context()  # what the user set for this run holds in the thread too

    def work() -> None:
        try:
            box.append((True, context.run(function)))
        except BaseException as error:
            box.append((False, error))

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if not box:
        raise ToolError("tool_timeout", f"{name} did not finish in {seconds:g} s")
    fine, outcome = box[0]
    if not fine:
        if isinstance(outcome, Exception):
            raise outcome
        raise ToolError("tool_failed", f"{name} tried to end the program") from outcome
    result: _T = outcome
    return result


def check_memory(tool: str, needed_mib: int) -> None:
    """Refuse to start a tool that the machine has no memory for; silent where it cannot be told.

    Raises
    ------
    ToolError
        ``tool_memory``.
    """
    if _unused_mib() >= needed_mib:
        return
    free = _free_mib()
    if free is not None and free < needed_mib:
        raise ToolError("tool_memory", f"{tool} needs {needed_mib} MiB and {free} MiB are free")


def _unused_mib() -> int:
    """What nobody uses, told at once; 0 where the system does not say so."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    except (ValueError, OSError):
        return 0


def _free_mib() -> int | None:
    """What nobody uses, and what the system would give up for it."""
    try:
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
