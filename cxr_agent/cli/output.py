"""Writing results where the user asked for them: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from cxr_agent.errors import CxrAgentError, OutputError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file through a temporary one beside it, so that no reader ever sees half of it.

    Raises
    ------
    OutputError
        ``output_not_writable``.
    """
    try:
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


def shown_name(path: Path) -> str:
    """A file name as typed, safe for a terminal: control characters are shown, not obeyed."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(path))


def error_record(error: CxrAgentError) -> dict[str, Any]:
    """An error for ``--json``."""
    return {
        "error": {"code": error.code, "message": error.message, "hint": error.hint},
        "exit_status": error.exit_status,
    }
