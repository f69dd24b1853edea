"""Where films that were sent lie until they are decoded: private, under names of our own.

A server holds a lock on its folder for as long as it lives. What lies there without one was left by
a server that was killed, and the next one removes it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from cxr_agent.errors import OutputError
from cxr_agent.reading.places import STATE_VARIABLE, state_folder

_FOLDER: Final = "uploads"
_LOCK: Final = ".lock"
_PRIVATE_FOLDER: Final = 0o700
_PRIVATE_FILE: Final = 0o600


class Uploads:
    """The folder of one server.

    Raises
    ------
    OutputError
        ``state_not_writable``.
    """

    def __init__(self) -> None:
        root = state_folder() / _FOLDER
        try:
            root.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
            # One server at a time: a folder that is new has no lock for a moment.
            alone = _locked(root)
            try:
                remove_left(root)
                self.folder = root / secrets.token_hex(8)
                self.folder.mkdir(mode=_PRIVATE_FOLDER)
                lock = _locked(self.folder)
            finally:
                os.close(alone)
        except OSError as error:
            raise OutputError(
                "state_not_writable",
                f"there is no place for films: {error.strerror}",
                hint=f"Set {STATE_VARIABLE} to a folder that can be written.",
            ) from None
        self._lock: int | None = lock

    def room(self) -> Path:
        """A new folder for one session. Raises OSError."""
        room = self.folder / secrets.token_hex(8)
        room.mkdir(mode=_PRIVATE_FOLDER)
        return room

    def close(self) -> None:
        """Remove everything."""
        if self._lock is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._lock)
            self._lock = None


def create(path: Path) -> BinaryIO:
    """A new file that nobody else reads; never one that is there. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, _PRIVATE_FILE), "wb")


def remove_left(root: Path) -> None:
    """Remove what servers left behind that are no more. Raises OSError."""
    for folder in root.iterdir():
        if folder.name == _LOCK or folder.is_symlink() or not folder.is_dir():
            continue
        with suppress(OSError):  # another server lives there
            lock = _locked(folder, wait=False)
            try:
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _locked(folder: Path, *, wait: bool = True) -> int:
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
