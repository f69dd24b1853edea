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
from typing import BinaryIO, Final

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin

from cxr_agent.allocator import keep_freed_memory
from cxr_agent.errors import InputCode, InputError
from cxr_agent.imaging.decode import decode, directory_of, heading_of, patient_of
from cxr_agent.imaging.film import DecodedFilm
from cxr_agent.imaging.limits import MIB, WORKER_EXTRA_BYTES, WORKER_FILE_S
from cxr_agent.imaging.refusal import refusal
from cxr_agent.imaging.wire import (
    MAX_PATH_BYTES,
    READY,
    REQUEST,
    Ask,
    directory_answer,
    film_answer,
    heading_answer,
    patient_answer,
    refusal_answer,
)
from cxr_agent.imaging.worker_limits import limit_process

_KEPT_BYTES: Final = 128 * MIB
"""Enough for films of eight megapixels; a small part of what the largest may take."""
_IMPORTED_BEFORE_THE_FIRST_FILE: Final = (Image, JpegImagePlugin, PngImagePlugin)


def main(arguments: list[str]) -> int:
    """Serve until the input ends; a status of 1 says that memory ran out."""
    seconds = float(arguments[0]) if arguments else WORKER_FILE_S
    extra = int(arguments[1]) if len(arguments) > 1 else WORKER_EXTRA_BYTES
    # The codecs' own messages must not get between the answers.
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    keep_freed_memory(_KEPT_BYTES)
    limit_process(memory_bytes=extra, file_bytes=0)
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
            elif wanted == Ask.HEADING:
                _write(sink, heading_answer(heading_of(path)))
            elif wanted == Ask.DIRECTORY:
                _write(sink, directory_answer(directory_of(path)))
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
