"""What a process gives up before it meets what a stranger sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_OPEN_FILES: Final = 64


def limit_process(*, memory_bytes: int, file_bytes: int) -> None:
    """Limit this process for good. Where a system lacks a limit, the others still hold.

    Parameters
    ----------
    memory_bytes
        Address space beyond what is mapped now.
    file_bytes
        Size of a file that may be written.
    """
    try:
        import resource
    except ImportError:  # Windows: only the reader's wall clock limits us
        return
    limits = {
        resource.RLIMIT_CORE: 0,  # a core dump would hold the picture
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_AS: _address_space() + memory_bytes,
    }
    for kind, limit in limits.items():
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        try:
            resource.setrlimit(kind, (limit, limit))
        except (ValueError, OSError):
            continue


def _address_space() -> int:
    """Bytes mapped now: NumPy alone reserves hundreds of megabytes for its threads."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 1 << 30
