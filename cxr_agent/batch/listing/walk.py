"""The files of a folder, at any depth: a walk in a fixed order that stays inside the folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from cxr_agent.batch.listing.found import Candidate, Fault
from cxr_agent.batch.listing.listed import Passed
from cxr_agent.errors import InputCode
from cxr_agent.imaging.refusal import refusal

MAX_DEPTH: Final = 64

Steps = tuple[str, ...]
"""Names from the folder down."""


def walk(
    root: Path,
    passed: Counter[str],
    *,
    take: Callable[[Steps], bool] = lambda _: True,
    enter: Callable[[Steps], bool] = lambda _: True,
) -> Iterator[Candidate]:
    """The files below a folder, in the order of their names.

    Hidden files and folders are ignored. A symbolic link to a file is followed where it stays
    inside. A link that leads nowhere and a folder that may not be opened are faults: a film may
    be missing there.

    Parameters
    ----------
    root
        An existing folder, resolved.
    passed
        Counts what is passed over.
    take, enter
        Which files and folders are wanted, by their steps.
    """
    yield from _inside(root, (), root, passed, take, enter)


def _inside(
    folder: Path,
    steps: Steps,
    root: Path,
    passed: Counter[str],
    take: Callable[[Steps], bool],
    enter: Callable[[Steps], bool],
) -> Iterator[Candidate]:
    try:
        with os.scandir(folder) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except OSError:
        yield _unreadable("/".join((*steps, "")))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        here = (*steps, entry.name)
        if entry.is_dir(follow_symlinks=False):
            if len(here) > MAX_DEPTH:
                passed[Passed.TOO_DEEP] += 1
            elif enter(here):
                yield from _inside(Path(entry.path), here, root, passed, take, enter)
        elif take(here):
            name = "/".join(here)
            if entry.is_symlink():
                yield from _followed(name, Path(entry.path), root, passed)
            elif entry.is_file(follow_symlinks=False):
                yield Candidate(name, entry.path)
            else:
                passed[InputCode.NOT_A_REGULAR_FILE] += 1


def _followed(name: str, link: Path, root: Path, passed: Counter[str]) -> Iterator[Candidate]:
    try:
        path = link.resolve(strict=True)
        if path.is_dir():
            passed[Passed.FOLDER_LINK] += 1
        elif not path.is_relative_to(root):
            passed[Passed.LINK_OUTSIDE] += 1
        elif path.is_file():
            yield Candidate(name, os.fspath(path))
        else:
            passed[InputCode.NOT_A_REGULAR_FILE] += 1
    except (OSError, RuntimeError):  # leads nowhere, or in a circle
        yield _unreadable(name)


def _unreadable(name: str) -> Candidate:
    return Candidate(name, fault=Fault.of(refusal(InputCode.UNREADABLE_PATH)))
