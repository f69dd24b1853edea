"""Writing results where the user asked for them: whole or not at all."""

from __future__ import annotations

import os
import tempfile
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
