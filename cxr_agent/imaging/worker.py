"""The process in which files are decoded: ``python -m cxr_agent.imaging.worker``.

It reads requests from standard input and writes answers to standard output until the input
ends (:mod:`cxr_agent.imaging.wire`). Before the first file it gives up what a hostile file could
use: memory, CPU time, writing files, core dumps.

Arguments: seconds of CPU time for one file, bytes of address space beyond the imports.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin

from cxr_agent.errors import InputCode, InputError
from cxr_agent.imaging.decode import decode, patient_of
from cxr_agent.imaging.film import DecodedFilm
from cxr_agent.imaging.limits import WORKER_EXTRA_BYTES, WORKER_FILE_S
from cxr_agent.imaging.refusal import refusal
from cxr_agent.imaging.wire import (
    MAX_PATH_BYTES,
    READY,
    REQUEST,
    Ask,
    film_answer,
    patient_answer,
    refusal_answer,
)

_IMPORTED_BEFORE_THE_FIRST_FILE: Final = (Image, JpegImagePlugin, PngImagePlugin)
_OPEN_FILES: Final = 64


def main(arguments: list[str]) -> int:
    """Serve until the input ends; a status of 1 says that memory ran out."""
    seconds = float(arguments[0]) if arguments else WORKER_FILE_S
    extra = int(arguments[1]) if len(arguments) > 1 else WORKER_EXTRA_BYTES
    # The codecs' own messages must not get between the answers.
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    _give_up(extra)
    _write(sink, READY)
    while True:
        request = source.read(REQUEST.size)
        if len(request) < REQUEST.size:
            return 0
        wanted, length = REQUEST.unpack(request)
        if length > MAX_PATH_BYTES:
            return 0
        path = os.fsdecode(source.read(length))
        _allow_cpu(seconds)
        try:
            if wanted == Ask.PATIENT:
                _write(sink, patient_answer(patient_of(path)))
            else:
                _answer(sink, decode(path))
        except InputError as error:
            _write(sink, refusal_answer(error))
        except MemoryError:
            # What else failed to allocate meanwhile is unknown: a fresh process goes on.
            _write(sink, refusal_answer(refusal(InputCode.DECODE_MEMORY)))
            return 1


def _answer(sink: BinaryIO, film: DecodedFilm) -> None:
    pixels = np.ascontiguousarray(film.pixels, dtype="<f4")
    _write(sink, film_answer(film))
    _write(sink, pixels.data.cast("B"))


def _write(sink: BinaryIO, data: bytes | memoryview) -> None:
    """All of ``data``: a raw write to a pipe may take only a part."""
    view = memoryview(data)
    while view:
        view = view[sink.write(view) :]


def _give_up(extra_bytes: int) -> None:
    """Limit this process for good. Where a system lacks a limit, the others still hold."""
    try:
        import resource
    except ImportError:  # Windows: only the reader's wall clock limits us
        return
    limits = {
        resource.RLIMIT_CORE: 0,  # a core dump would hold the picture
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_AS: _address_space() + extra_bytes,
    }
    for kind, limit in limits.items():
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        try:
            resource.setrlimit(kind, (limit, limit))
        except (ValueError, OSError):
            continue


def _allow_cpu(seconds: float) -> None:
    """CPU time for the next file. Past it the system ends this process."""
    try:
        import resource
    except ImportError:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(usage.ru_utime + usage.ru_stime + seconds) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


def _address_space() -> int:
    """Bytes mapped now: NumPy alone reserves hundreds of megabytes for its threads."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 1 << 30


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
