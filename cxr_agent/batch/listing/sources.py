"""What an input is, and the films in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.listing.directory import directory_candidates
from cxr_agent.batch.listing.found import Candidate, Found, Said
from cxr_agent.batch.listing.headings import Headings
from cxr_agent.batch.listing.listed import Summary
from cxr_agent.batch.listing.pattern import Pattern, is_pattern
from cxr_agent.batch.listing.rows import candidates_of_row
from cxr_agent.batch.listing.table import open_table
from cxr_agent.batch.listing.walk import walk
from cxr_agent.errors import InputCode, InputError, UsageError

Entry = BatchStudy | str | os.PathLike[str] | Mapping[str, Any]
"""A study, the path of a film, or a row as a table would have it."""

_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)


def named_source(text: str, headings: Headings, summary: Summary) -> Iterator[Found]:
    """The films behind a name: of a folder, pattern, table, DICOMDIR, film or server.

    What is wrong with the input as a whole is told before anything is listed.

    Raises
    ------
    UsageError, InputError, ConfigError
        See :func:`~cxr_agent.batch.listing.studies_of`.
    """
    if _ADDRESS.match(text):
        from cxr_agent.batch.listing.server import server_films

        return server_films(text, summary)
    path = Path(text)
    if not text or not _exists(path):  # "": a variable of the shell that was not set
        if is_pattern(text):
            return headings.read(_matching(Pattern.of(text), summary))
        raise _nothing()
    if path.is_dir():
        return headings.read(walk(_opened(path), summary.passed))
    return headings.read(_in_file(path, headings, summary))


def given_candidates(entries: Iterable[Entry]) -> Iterator[Candidate]:
    """The films of entries that were given one by one, and studies as they are."""
    here = Path.cwd()
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, BatchStudy):
            yield Candidate(entry.name, given=entry)
        elif isinstance(entry, Mapping):
            yield from candidates_of_row(entry, number, here)
        else:
            name = os.fspath(entry)
            yield Candidate(name, os.fspath(here / name), Said())


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or with a NUL character
        return False


def _nothing() -> UsageError:
    return UsageError(
        "no_batch_input",
        "there is nothing that can be opened under the name of the input",
        hint="Give a folder, a pattern, a table, a DICOMDIR or the address of a DICOMweb search.",
    )


def _opened(path: Path) -> Path:
    """A folder, resolved."""
    try:
        root = path.resolve(strict=True)
        os.scandir(root).close()
    except (OSError, ValueError, RuntimeError):
        raise _nothing() from None
    return root


def _matching(pattern: Pattern, summary: Summary) -> Iterator[Candidate]:
    root = _opened(pattern.root)
    return walk(root, summary.passed, take=pattern.takes, enter=pattern.enters)


def _in_file(path: Path, headings: Headings, summary: Summary) -> Iterator[Candidate]:
    """What a file lists; itself, when it is a film."""
    try:
        headings.of(os.fspath(path))
    except InputError as error:
        if error.code == InputCode.DICOMDIR:
            return directory_candidates(path, summary.passed)
        if error.code != InputCode.NOT_AN_IMAGE:
            raise
    else:
        return iter([Candidate(path.name, os.path.abspath(path))])  # noqa: PTH100
    table = open_table(path)
    rows = enumerate(table.rows(), 1)
    make = partial(candidates_of_row, folder=path.absolute().parent)
    return chain.from_iterable(make(row, number) for number, row in rows)
