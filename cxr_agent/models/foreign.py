"""Opening a network of others: what a tool's author uses in place of ``onnxruntime`` itself."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from cxr_agent.errors import ModelError
from cxr_agent.given_files import regular_file
from cxr_agent.models.runtime.onnx import session_of
from cxr_agent.models.runtime.onnx_check import MOST_BYTES, require_plain


def open_onnx(path: Path, sha256: str, *, threads: int | None = None) -> Any:
    """An ONNX Runtime session of a file that did not come with this program.

    Parameters
    ----------
    path
        A regular file, no link.
    sha256
        What the card of the network says of the file; 64 hexadecimal digits.
    threads
        Threads of one run; None leaves the choice to ONNX Runtime.

    Returns
    -------
    onnxruntime.InferenceSession
        On the CPU.

    Raises
    ------
    ModelError
        ``weights_missing``, ``checksum_mismatch``, ``onnx_refused`` (see
        :func:`~cxr_agent.models.runtime.onnx_check.require_plain`), ``weights_damaged``.
    MemoryError
        There is not enough to load it.
    """
    content = _read(path)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelError(
            "checksum_mismatch",
            f"{path.name} is not the file that its card names",
            hint="Install the tool again, or fetch the file from where its card says.",
        )
    require_plain(content, path.name)
    return session_of(content, path.name, threads=threads)


def _read(path: Path) -> bytes:
    """The file, as far as one byte beyond what is taken at most."""
    try:
        with regular_file(path, os.O_NOFOLLOW) as file:
            return file.read(MOST_BYTES + 1)
    except OSError:
        raise ModelError(
            "weights_missing",
            f"{path.name} is no file that can be read",
            hint="Give the file itself: links, folders and pipes are not followed.",
        ) from None
