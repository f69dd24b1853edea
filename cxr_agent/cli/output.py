"""Writing results where the user asked for them: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import CxrAgentError, OutputError

_MAX_NAME_BYTES: Final = 200
"""Of the 255 that a file system allows, with room for a number and an ending."""


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

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, film: Path) -> str:
        """The film's name without its ending, with a number behind it from the second on."""
        stem = os.fsdecode(os.fsencode(film.stem)[:_MAX_NAME_BYTES])
        name, count = stem, 1
        while name.casefold() in self._taken:
            count += 1
            name = f"{stem}-{count}"
        self._taken.add(name.casefold())
        return name


def shown_name(path: Path) -> str:
    """A file name as typed, safe for a terminal: control characters are shown, not obeyed."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(path))


def error_record(error: CxrAgentError) -> dict[str, Any]:
    """An error for ``--json``."""
    return {
        "error": {"code": error.code, "message": error.message, "hint": error.hint},
        "exit_status": error.exit_status,
    }
