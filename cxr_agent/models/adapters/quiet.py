"""Calls into transformers and diffusers without their remarks on standard error.

Both log about matters that our own errors and documents already say: the Pillow image processors
in place of torchvision's, parts of a checkpoint that are not used. What goes wrong still raises.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from cxr_agent.models.adapters.libraries import library

_LOCK: Final = threading.Lock()
_INSIDE: Final[dict[str, tuple[int, int, bool]]] = {}
"""By library: how many calls are inside, and the level and progress bars to go back to. The
settings are the library's own, one for all threads."""


@contextmanager
def quiet(*libraries: str) -> Iterator[None]:
    """Only errors of ``libraries`` are logged inside, and no progress bar is drawn.

    Parameters
    ----------
    libraries
        "transformers" or "diffusers", which share this interface.
    """
    for name in libraries:
        _enter(name, library(f"{name}.utils.logging"))
    try:
        yield
    finally:
        for name in libraries:
            _leave(name, library(f"{name}.utils.logging"))


def _enter(name: str, log: Any) -> None:
    with _LOCK:
        depth, level, bars = _INSIDE.get(
            name, (0, log.get_verbosity(), log.is_progress_bar_enabled())
        )
        _INSIDE[name] = depth + 1, level, bars
        log.set_verbosity_error()
        log.disable_progress_bar()


def _leave(name: str, log: Any) -> None:
    with _LOCK:
        depth, level, bars = _INSIDE.pop(name)
        if depth > 1:
            _INSIDE[name] = depth - 1, level, bars
            return
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()
