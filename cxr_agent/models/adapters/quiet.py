"""Calls into transformers and diffusers without their remarks on standard error.

Both log and warn about matters that our own errors and documents already say (the Pillow image
processors in place of torchvision's, deprecated names inside the library). What goes wrong still
raises.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cxr_agent.models.adapters.libraries import library

_REMARKS: Final = (DeprecationWarning, FutureWarning, UserWarning)


@contextmanager
def quiet(*libraries: str) -> Iterator[None]:
    """Only errors of ``libraries`` ("transformers", "diffusers") are logged inside.

    Parameters
    ----------
    libraries
        Names with the logging interface that the two share.
    """
    logs = [library(f"{name}.utils.logging") for name in libraries]
    levels = [log.get_verbosity() for log in logs]
    bars = [log.is_progress_bar_enabled() for log in logs]
    try:
        for log in logs:
            log.set_verbosity_error()
            log.disable_progress_bar()
        with warnings.catch_warnings():
            for name in libraries:
                for kind in _REMARKS:
                    warnings.filterwarnings("ignore", category=kind, module=rf"{name}\b")
            yield
    finally:
        for log, level, bar in zip(logs, levels, bars, strict=True):
            log.set_verbosity(level)
            if bar:
                log.enable_progress_bar()
