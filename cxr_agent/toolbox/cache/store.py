"""A folder of entries, one file each, shared by any number of processes without a lock.

A file is written under another name and renamed, so that who reads finds all of it or none. Nothing
is fsynced: what a power cut leaves half written is found out by its hash and made again. The least
recently used go first once the folder is full.
"""

from __future__ import annotations

import contextlib
import os
import random
import stat
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from cxr_agent.trace.durable import PRIVATE_FOLDER, TEMPORARY, write_file

_LARGEST: Final = 256 * 2**20
"""Bytes of an entry that is read at all."""
_STEP: Final = 16
"""The folder is looked through each time that this part of its limit was written."""
_ABANDONED_S: Final = 3600.0
"""Age of an unfinished file that nobody writes any more."""


class EntryStore:
    """Entries by key.

    Parameters
    ----------
    folder
        Made, for its owner alone, when first written to.
    limit_bytes
        What all entries may take on the disk; overrun by a sixteenth between two looks.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self._limit = limit_bytes
        self._step = max(1, limit_bytes // _STEP)
        # Begun anywhere, so that of many short processes some look through the folder, too.
        self._unseen = random.uniform(0, self._step)  # noqa: S311 - no secret

    def get(self, key: str) -> bytes | None:
        """The bytes kept under ``key``, as they are; None where there are none to be read."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self._path(key), flags)
        except OSError:
            return None
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode) or state.st_size > _LARGEST:
                return None
            with contextlib.suppress(OSError):
                os.utime(descriptor)  # the time of change serves as that of the last use
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(_LARGEST)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def put(self, key: str, data: bytes) -> None:
        """Keep ``data``, in place of what was kept before.

        Raises
        ------
        OSError
            When it cannot be written.
        """
        path = self._path(key)
        try:
            write_file(path, data, sync=False)
        except FileNotFoundError:
            self.folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
            path.parent.mkdir(PRIVATE_FOLDER, exist_ok=True)
            write_file(path, data, sync=False)
        self._unseen += len(data)
        if self._unseen >= self._step:
            self._unseen = 0
            self.make_room()

    def make_room(self) -> None:
        """Drop what was not used for longest until there is room again, and what was abandoned."""
        kept: list[tuple[float, int, Path]] = []
        for path, state in self._files():
            if path.name.startswith(TEMPORARY):
                if time.time() - state.st_mtime > _ABANDONED_S:
                    path.unlink(missing_ok=True)
            else:
                size = max(state.st_size, 512 * state.st_blocks)
                kept.append((state.st_mtime, size, path))
        taken = sum(size for _, size, _ in kept)
        if taken <= self._limit:
            return
        for _, size, path in sorted(kept):
            if taken <= self._limit - self._step:
                return
            path.unlink(missing_ok=True)
            taken -= size

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """What is ours in the folder: anything else there stays untouched."""
        # Folders of two digits are of an earlier version, whose entries are no longer asked for.
        for part in chain(self.folder.glob("[0-9a-f]"), self.folder.glob("[0-9a-f][0-9a-f]")):
            for path in part.iterdir():
                ours = path.name.startswith(TEMPORARY) or _is_key(path.name)
                # Another process may just have dropped or finished it.
                with contextlib.suppress(FileNotFoundError):
                    state = path.lstat()
                    if ours and stat.S_ISREG(state.st_mode):
                        yield path, state

    def _path(self, key: str) -> Path:
        # Few folders: on some disks one takes as long to make as all entries of a film to write.
        return self.folder / key[0] / key


def _is_key(name: str) -> bool:
    return len(name) == 64 and set(name) <= set("0123456789abcdef")
