"""Writing results where the user asked for them: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from cxr_agent.errors import OutputError

_MAX_NAME_BYTES: Final = 255
"""Of a file's name, on every usual file system."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file through a temporary one beside it, so that no reader ever sees half of it.

    Raises
    ------
    OutputError
        ``output_not_writable``.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(data)  # a device or a pipe: it must not be replaced by a file
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".cxr-agent-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            umask = os.umask(0)
            os.umask(umask)
            Path(temporary).chmod(0o666 & ~umask)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(
            "output_not_writable",
            f"the result cannot be written: {error.strerror}",
            hint="Check that the folder exists, is writable and has room.",
        ) from None


class Names:
    """Names for results, after the films' own; no two films of a run share one."""

    def __init__(self, ending: str = "") -> None:
        self._ending = ending
        self._taken: set[str] = set()

    def take(self, film: Path) -> str:
        """The film's name with our ending in place of its own, numbered from the second on."""
        name, count = _fitting(film.stem, self._ending), 1
        while name.casefold() in self._taken:
            count += 1
            name = _fitting(film.stem, f"-{count}{self._ending}")
        self._taken.add(name.casefold())
        return name


def _fitting(stem: str, rest: str) -> str:
    """``stem`` with ``rest`` behind it, cut where a file system allows no longer name."""
    room = _MAX_NAME_BYTES - len(rest)
    raw = os.fsencode(stem)
    return (stem if len(raw) <= room else raw[:room].decode(errors="ignore")) + rest


def shown_name(path: Path | str) -> str:
    """A file name as typed, safe for a terminal: control characters are shown, not obeyed."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(path))
