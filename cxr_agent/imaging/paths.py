"""Opening a path without ever blocking on it, following it astray or trusting its name."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from cxr_agent.errors import InputCode
from cxr_agent.imaging.limits import MAX_FILE_BYTES
from cxr_agent.imaging.refusal import refusal

_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_MISSING: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_NOT_A_FILE: Final = frozenset({errno.ENXIO, errno.ENODEV, errno.EISDIR, errno.EOPNOTSUPP})


def open_film(path: str) -> tuple[int, int]:
    """Open a regular, non-empty file for reading.

    ``O_NONBLOCK`` keeps a named pipe from blocking the open; the kind is read from the open
    descriptor, so the file cannot be swapped between check and use.

    Returns
    -------
    tuple of int
        Descriptor, which the caller closes, and size in bytes.

    Raises
    ------
    InputError
        ``file_not_found``, ``unreadable_path``, ``not_a_regular_file`` or ``empty_file``.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise refusal(_open_code(path, error.errno)) from None
    except ValueError:  # a NUL character inside the path
        raise refusal(InputCode.UNREADABLE_PATH) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise refusal(InputCode.NOT_A_REGULAR_FILE)
        if status.st_size == 0:
            raise refusal(InputCode.EMPTY_FILE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status.st_size


def read_start(descriptor: int, count: int) -> bytes:
    """The first ``count`` bytes, fewer at the end of the file.

    Raises
    ------
    InputError
        ``unreadable_path`` when the device fails.
    """
    return _read(descriptor, count, 0)


def read_all(descriptor: int, size: int) -> bytes:
    """The whole file.

    Raises
    ------
    InputError
        ``too_large`` above :data:`~cxr_agent.imaging.limits.MAX_FILE_BYTES`;
        ``unreadable_path`` when the device fails.
    """
    if size > MAX_FILE_BYTES:
        raise refusal(InputCode.TOO_LARGE)
    return _read(descriptor, size, 0)


def _read(descriptor: int, count: int, offset: int) -> bytes:
    parts: list[bytes] = []
    try:
        while count > 0:
            part = os.pread(descriptor, count, offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            count -= len(part)
    except OSError:
        raise refusal(InputCode.UNREADABLE_PATH) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _open_code(path: str, number: int | None) -> InputCode:
    if number in _NOT_A_FILE:
        return InputCode.NOT_A_REGULAR_FILE
    if number in _MISSING and not Path(path).is_symlink():
        return InputCode.FILE_NOT_FOUND
    return InputCode.UNREADABLE_PATH
