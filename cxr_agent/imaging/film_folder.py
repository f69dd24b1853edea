"""The files of a folder that may be films: a bounded walk that stays inside the folder."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from cxr_agent.errors import UsageError
from cxr_agent.imaging.decoder import FilmPath

MAX_FILES: Final = 500
MAX_DEPTH: Final = 8
"""Folders below the one that was named; an export has patient, study and series."""
MAX_ENTRIES: Final = 20_000
"""Names that are looked at, of whatever kind."""

FileNumber = tuple[int, int]
"""Device and inode: the same for every name of one file."""


@dataclass(frozen=True, slots=True)
class FilmFolder:
    """The files below a folder, in the order of their names."""

    files: tuple[Path, ...]
    cut: bool
    """A bound was reached: there is more."""


def film_folder(path: FilmPath, without: Collection[FileNumber] = ()) -> FilmFolder:
    """List the files below a folder, each once, except those that are known already.

    Hidden files and folders are ignored. A symbolic link to a file is followed where it stays
    inside; one to a folder is not: what it leads to inside is seen anyway.

    Raises
    ------
    UsageError
        ``no_prior_folder`` when there is no such folder, or it may not be opened.
    """
    try:
        name = os.fsdecode(path)
        if not name:  # a variable of the shell that was not set, not the folder one is in
            raise FileNotFoundError
        root = Path(name).resolve(strict=True)
        os.scandir(root).close()
    except (OSError, ValueError, RuntimeError):  # a NUL character, a loop of links
        raise UsageError(
            "no_prior_folder",
            "there is no folder of priors that can be opened under this name",
            hint="Give a folder, or the address of a DICOMweb server.",
        ) from None
    walk = _Walk(root, set(without))
    walk.enter(root, 0)
    return FilmFolder(tuple(walk.files), walk.cut)


def file_number(path: FilmPath) -> FileNumber | None:
    """What tells a file whatever its name; None for one that is not there."""
    try:
        status = os.stat(path)  # noqa: PTH116 (bytes)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


@dataclass(slots=True)
class _Walk:
    root: Path
    known: set[FileNumber]
    files: list[Path] = field(default_factory=list)
    cut: bool = False
    entries: int = 0

    def enter(self, folder: Path, depth: int) -> None:
        for entry in self._visible(folder):
            if len(self.files) >= MAX_FILES:
                self.cut = True
                return
            try:
                if entry.is_dir(follow_symlinks=False):
                    if depth < MAX_DEPTH:
                        self.enter(Path(entry.path), depth + 1)
                    else:
                        self.cut = True
                elif entry.is_file():
                    self._add(entry)
            except OSError:  # it went away, or leads nowhere
                continue

    def _visible(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as found:
                entries = list(islice(found, MAX_ENTRIES - self.entries + 1))
        except OSError:  # a folder that may not be opened holds nothing for us
            return []
        self.entries += len(entries)
        if self.entries > MAX_ENTRIES:
            self.cut = True
            self.entries = MAX_ENTRIES
            entries.pop()
        visible = (entry for entry in entries if not entry.name.startswith("."))
        return sorted(visible, key=lambda entry: entry.name)

    def _add(self, entry: os.DirEntry[str]) -> None:
        path = Path(entry.path)
        if entry.is_symlink():
            path = path.resolve(strict=True)
            if not path.is_relative_to(self.root):
                return
        number = file_number(path)
        if number is not None and number not in self.known:
            self.known.add(number)
            self.files.append(path)
