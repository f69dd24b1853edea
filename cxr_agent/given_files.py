"""Files that a user gives beside the films: small, never waited for, parsed within bounds."""

from __future__ import annotations

import errno
import json
import os
import stat
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

MIB: Final = 1 << 20
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_HANDED_OVER: Final = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""What a shell opens for a command, as ``<(pdftotext ...)``: somebody writes into it."""
_MOST_DOTS: Final = 250
"""In a line of TOML: the parser's time grows with the square of a dotted key's parts."""


def read_given(path: Path, most: int) -> bytes:
    """A whole file.

    Parameters
    ----------
    most
        Bytes that it may have.

    Raises
    ------
    OSError
        Where it cannot be read, also when it is a named pipe or a device, which might never end.
    ValueError
        When it is longer.
    """
    if str(path).startswith(_HANDED_OVER):
        with path.open("rb") as file:
            data = file.read(most + 1)
    else:
        with regular_file(path) as file:
            data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"larger than {most / MIB:g} MiB")
    return data


@contextmanager
def regular_file(path: Path, more_flags: int = 0) -> Iterator[BinaryIO]:
    """A file to read from, opened without waiting for anybody.

    Parameters
    ----------
    more_flags
        Of ``os.open``, as ``os.O_NOFOLLOW``.

    Raises
    ------
    OSError
        Where it cannot be opened, and for a folder, a named pipe or a device.
    """
    # Not blocking: opening a named pipe would wait for somebody who writes into it.
    with os.fdopen(os.open(path, _FLAGS | more_flags), "rb") as file:
        kind = os.fstat(file.fileno()).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, "Not a regular file")
        yield file


def parsed_toml(data: bytes) -> dict[str, Any]:
    """TOML in UTF-8.

    Raises
    ------
    ValueError
        For anything else, for tables nested too deep, and for keys of hundreds of parts.
    """
    if any(line.count(b".") > _MOST_DOTS for line in data.splitlines()):
        raise ValueError("a line of it has too many dots")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def parsed_json(data: bytes) -> Any:
    """JSON in UTF-8, -16 or -32.

    Raises
    ------
    ValueError
        For anything else, and for what is nested too deep.
    """
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
