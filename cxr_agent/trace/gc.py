"""Deleting runs and what lies about: whole runs, never one in use, never what is no run.

A run is taken out of sight by renaming its folder, which is one step, and then deleted: a kill
in between leaves every other run as it was, and a remainder that the next time is deleted.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from cxr_agent.errors import TraceError
from cxr_agent.trace.durable import TEMPORARY, output_error, sync_folder
from cxr_agent.trace.filters import status_of
from cxr_agent.trace.find import TraceHeader, list_traces
from cxr_agent.trace.layout import ARTIFACTS, HEAD, LINES, OVERLAYS
from cxr_agent.trace.line import stamp
from cxr_agent.trace.reader import read_trace

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NAMED: Final = re.compile(rb"\b[0-9a-f]{64}\b")
_REMAINDER: Final = re.compile(re.escape(TEMPORARY) + r"run-[0-9a-f]{16}")


_STARTS_WITHIN_S: Final = 3600.0
"""A run without a line after this long was killed before it wrote one."""


class Why(StrEnum):
    """Why a run that was to go is kept."""

    IN_USE = "in_use"
    STARTING = "starting"
    """It has no line yet, and so no sure lock."""
    OTHER_FILES = "other_files"
    """The folder holds other things than a run writes, or is a link: it may be no run."""
    NOT_PERMITTED = "not_permitted"


@dataclass(frozen=True, slots=True)
class Rule:
    """Which runs go: those that every given rule names. Without a rule none does."""

    older_than_days: float | None = None
    keep: int | None = None
    """The newest are kept, this many."""
    statuses: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        return self.older_than_days is None and self.keep is None and not self.statuses


@dataclass(frozen=True, slots=True)
class Removed:
    """Something that was, or would be, deleted."""

    what: str
    """``run``, ``artifact`` or ``temporary``."""
    path: Path
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of it."""

    removed: tuple[Removed, ...]
    kept: tuple[tuple[Path, Why], ...]
    """Runs that the rule names and that stay all the same."""

    @property
    def size(self) -> int:
        """Bytes freed."""
        return sum(one.size for one in self.removed)


def collect(root: Path, rule: Rule, *, delete: bool) -> Collected:
    """Find what may go under ``root`` and, with ``delete``, delete it.

    Raises
    ------
    TraceError
        ``trace_not_readable``.
    OutputError
        ``trace_not_writable``: what was deleted by then is gone, the rest is whole.
    """
    removed: list[Removed] = []
    kept: list[tuple[Path, Why]] = []
    headers = list_traces(root)
    going = {header.directory for header in _named(headers, rule)}
    try:
        for folder in _remainders(root):
            removed.append(Removed("temporary", folder, _size(folder)))
            if delete:
                _erase(folder)
        for header in headers:
            folder = header.directory
            try:
                why = _no_run(folder)
                if why is None:
                    why = _handled(folder, folder in going, delete, removed)
            except PermissionError:
                why = Why.NOT_PERMITTED
            if why is not None and folder in going:
                kept.append((folder, why))
    except OSError as error:
        raise output_error(error, root) from error
    return Collected(tuple(removed), tuple(kept))


def _handled(folder: Path, goes: bool, delete: bool, removed: list[Removed]) -> Why | None:
    """Delete one run, or tidy it; why neither could be done."""
    with _locked(folder) as free:
        if not free:
            return Why.IN_USE
        if not goes:
            removed += _tidied(folder, delete)
            return None
        size = _size(folder)
        if delete:
            _delete_run(folder)
        removed.append(Removed("run", folder, size))
    return None


def _named(headers: tuple[TraceHeader, ...], rule: Rule) -> Iterator[TraceHeader]:
    """The runs that the rule names; ``headers`` are newest first."""
    if rule.empty:
        return
    old = datetime.now(UTC) - timedelta(days=rule.older_than_days or 0)
    for place, header in enumerate(headers):
        if rule.keep is not None and place < rule.keep:
            continue
        if rule.older_than_days is not None and _last_used(header) > stamp(old):
            continue
        status = status_of(header)
        if status in rule.statuses or (not rule.statuses and status != "damaged"):
            yield header


def _last_used(header: TraceHeader) -> str:
    """When it was written to: a run that started long ago may have been resumed since."""
    try:
        changed = (header.directory / LINES).stat().st_mtime
    except OSError:
        return stamp(datetime.now(UTC))  # nobody knows, so it is not old
    return stamp(datetime.fromtimestamp(changed, UTC))


def _no_run(folder: Path) -> Why | None:
    """Why the folder must be left alone; None for a run as this program writes it."""
    if folder.is_symlink() or not _plain_file(folder / LINES):
        return Why.OTHER_FILES
    for entry in folder.iterdir():
        match entry.name:
            case name if name in (LINES, HEAD) or name.startswith(TEMPORARY):
                known = _plain_file(entry)
            case name if name == ARTIFACTS:
                known = _plain_folder(entry) and all(map(_ours, entry.iterdir()))
            case name if name == OVERLAYS:
                known = _plain_folder(entry) and all(map(_plain_file, entry.iterdir()))
            case _:
                known = False
        if not known:
            return Why.OTHER_FILES
    lines = (folder / LINES).stat()
    starting = not lines.st_size and time.time() - lines.st_mtime < _STARTS_WITHIN_S
    return Why.STARTING if starting else None


def _ours(path: Path) -> bool:
    """An artifact, or one whose writing was cut off."""
    named = _SHA256.fullmatch(path.name) is not None or path.name.startswith(TEMPORARY)
    return named and _plain_file(path)


def _plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _plain_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Keep writers out meanwhile; False where one is at work, or the run is gone."""
    try:
        descriptor = os.open(folder / LINES, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def _delete_run(folder: Path) -> None:
    hidden = folder.with_name(f"{TEMPORARY}run-{secrets.token_hex(8)}")
    folder.rename(hidden)
    sync_folder(folder.parent)
    _erase(hidden)


def _erase(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        shutil.rmtree(folder, ignore_errors=True)  # another process deletes it too


def _remainders(root: Path) -> Iterator[Path]:
    """Runs whose deletion was cut off."""
    try:
        entries = sorted(root.iterdir())
    except FileNotFoundError:
        return
    yield from (e for e in entries if _REMAINDER.fullmatch(e.name) and _plain_folder(e))


def _tidied(folder: Path, delete: bool) -> Iterator[Removed]:
    """Files of a kept run that nothing points to; the caller holds its lock."""
    artifacts = folder / ARTIFACTS
    for where in (folder, artifacts):
        for path in sorted(where.iterdir()) if where.is_dir() else ():
            if path.name.startswith(TEMPORARY):
                yield _unlinked("temporary", path, delete)
    for path in _orphans(folder):
        yield _unlinked("artifact", path, delete)


def _orphans(folder: Path) -> list[Path]:
    """Artifacts whose hash stands nowhere in the lines; none of a run that cannot be read.

    Any mention counts, in a result or in evidence too, so that no kind of pointer is forgotten.
    """
    artifacts = folder / ARTIFACTS
    try:
        read_trace(folder)
    except TraceError:
        return []
    named = {found.decode() for found in _NAMED.findall((folder / LINES).read_bytes())}
    if not artifacts.is_dir():
        return []
    return [
        path
        for path in sorted(artifacts.iterdir())
        if _SHA256.fullmatch(path.name) and path.name not in named
    ]


def _unlinked(what: str, path: Path, delete: bool) -> Removed:
    size = path.lstat().st_size
    if delete:
        path.unlink()
    return Removed(what, path, size)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
