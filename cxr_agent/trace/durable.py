"""Files that survive kill -9 and, where the disk keeps its promises, a power cut."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from cxr_agent.errors import OutputError

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600
TEMPORARY: Final = ".tmp-"
"""Prefix of a file whose writer has not finished; left behind only by a kill."""


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte: ``os.write`` may take only some, on a full disk or above 2 GiB."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable; fsync of a file does not cover its name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_files(paths: Iterable[Path]) -> None:
    """Put the content of many files on the disk; those that are gone are passed over.

    The writing of all is begun before the first is waited for, so that the disk's journal is
    written once for all of them and not once for each. That names are there takes
    :func:`sync_folder`.
    """
    with ExitStack() as opened:
        descriptors = []
        for path in paths:
            try:
                descriptors.append(os.open(path, os.O_RDONLY))
            except FileNotFoundError:
                continue
            opened.callback(os.close, descriptors[-1])
        for descriptor in descriptors:
            # On Linux this begins to write what is not written yet.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        for descriptor in descriptors:
            os.fsync(descriptor)


def write_file(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Create or replace ``path`` so that a reader finds all of ``data`` or no such file.

    The content is on the disk, unless ``sync`` is false, which leaves that to :func:`sync_files`;
    that the name is too takes :func:`sync_folder`, which does for many.
    """
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    try:
        try:
            write_all(descriptor, data)
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def output_error(error: OSError, folder: Path) -> OutputError:
    """The error for a trace that cannot be written, told apart by what the user can do."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return OutputError(
            "disk_full",
            f"no space left for the trace in {folder}",
            hint="free space, or choose another folder with --traces",
        )
    return OutputError(
        "trace_not_writable",
        f"cannot write a trace in {folder}: {error.strerror or type(error).__name__}",
        hint="choose a folder you may write to with --traces",
    )
