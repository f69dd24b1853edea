"""Memory that was given back, kept at hand in a process that reads film after film.

Between two films glibc returns memory to the system and gets it again page by page: up to a fifth
of the time of a small film. The price is that such a process does not become smaller between two
films, and that its threads share one pool: nothing for a process that is not our own.

Python, in turn, looks through all that it has loaded for cycles that nobody needs any more: some
200,000 objects that live as long as the process, each few films anew.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
MOST_BYTES: Final = 512 * 2**20
_LARGEST_BYTES: Final = 32 * 2**20
"""The most that glibc lets this limit be."""


def keep_freed_memory(most_bytes: int = MOST_BYTES) -> bool:
    """Let this process keep some of what it frees, for what it allocates next.

    Call it at the start of a process that does nothing but read, before it starts threads.

    Parameters
    ----------
    most_bytes
        What is kept at the end of its memory; what is free in between stays as well.

    Returns
    -------
    bool
        Whether it took effect: only with glibc, which is where Linux usually is.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = {
        _ARENA_MAX: 1,
        _MMAP_THRESHOLD: _LARGEST_BYTES,
        _TRIM_THRESHOLD: most_bytes,
    }
    return all(mallopt(name, value) for name, value in wanted.items())


def pass_over_loaded_objects() -> None:
    """Let Python's collector look from now on at what is made later alone.

    Call it when all is loaded that a film needs: after the first one. What of that first film is
    in a cycle and still at hand is never freed.
    """
    gc.collect()
    gc.freeze()
