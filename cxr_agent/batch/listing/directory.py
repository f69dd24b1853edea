"""The films that a DICOMDIR lists, below its own folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cxr_agent.batch.listing.found import Candidate, Fault
from cxr_agent.batch.listing.listed import EntryCode
from cxr_agent.errors import InputCode
from cxr_agent.imaging import Decoder
from cxr_agent.imaging.dicom_directory import DirectoryFile
from cxr_agent.imaging.refusal import refusal

_DIRECTORY_S: Final = 120.0
"""A directory may list 100,000 files."""
_OUTSIDE: Final = Fault(
    EntryCode.OUTSIDE_FOLDER, "the directory names something that does not lie in its folder"
)


def directory_candidates(path: Path, passed: Counter[str]) -> Iterator[Candidate]:
    """The images of a directory, in its order.

    Raises
    ------
    InputError
        For a directory that cannot be read.
    """
    with Decoder(file_s=_DIRECTORY_S) as decoder:
        files = decoder.directory_of(path)
    return _candidates(files, path.absolute().parent, passed)


def _candidates(
    files: tuple[DirectoryFile, ...], folder: Path, passed: Counter[str]
) -> Iterator[Candidate]:
    root = folder.resolve()
    for number, file in enumerate(files, 1):
        if file.passed:
            passed[file.passed] += 1
        elif not file.parts:
            yield Candidate(f"record {number}", fault=_OUTSIDE)
        else:
            yield _candidate(file.parts, root)


def _candidate(parts: tuple[str, ...], root: Path) -> Candidate:
    name = "/".join(parts)
    for steps in (parts, tuple(part.lower() for part in parts)):  # as some systems show a disc
        try:
            path = root.joinpath(*steps).resolve(strict=True)
        except (OSError, RuntimeError):
            continue
        if not path.is_relative_to(root):
            return Candidate(name, fault=_OUTSIDE)
        return Candidate(name, os.fspath(path))
    return Candidate(name, fault=Fault.of(refusal(InputCode.FILE_NOT_FOUND)))
