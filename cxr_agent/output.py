"""Writing results where the user asked for them: whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cxr_agent.errors import OutputError


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
        temporary = path.parent / f".cxr-agent-{secrets.token_hex(8)}"
        # The mode that the user's umask leaves, without asking for it: other threads make files.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(
            "output_not_writable",
            f"the result cannot be written: {error.strerror}",
            hint="Check that the folder exists, is writable and has room.",
        ) from None
