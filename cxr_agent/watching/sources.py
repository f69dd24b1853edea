"""What is watched: a DICOMweb server, or a folder that receives files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from cxr_agent.errors import InputError, UsageError
from cxr_agent.imaging import Decoder
from cxr_agent.imaging.heading import Heading
from cxr_agent.imaging.prior_search import MAX_PRIORS
from cxr_agent.interop.dicomweb_archive import MAX_LISTED, DicomwebArchive
from cxr_agent.reading.remote import listed_films, study_films
from cxr_agent.watching.ledger import FileRow, Ledger

_AT_ONCE: Final = 200
"""Files that are looked into before what was learnt is kept."""


@dataclass(frozen=True, slots=True)
class Films:
    """The films of a study, and where its priors are."""

    paths: tuple[Path, ...]
    priors: tuple[Path, ...] = ()
    priors_from: str | None = None


class Source(Protocol):
    """Where new studies come from."""

    @property
    def identity(self) -> str:
        """What it is, as a hash: a folder belongs to one."""

    def look(self, ledger: Ledger) -> list[tuple[str, str]]:
        """Key and shape of each study that is there; a study grows until its shape stays.

        Raises
        ------
        RemoteError
            When a server gave no list.
        """

    def films(self, key: str, ledger: Ledger) -> AbstractContextManager[Films]:
        """The films of a study, while this is open; raises as the agent does."""


@dataclass(frozen=True, slots=True)
class ServerSource:
    """A DICOMweb server.

    Parameters
    ----------
    days
        Days back, by study date, that are looked at.
    """

    server: DicomwebArchive
    days: int
    priors_from: str | None = None
    """Where priors are looked for; without it at this server."""

    @property
    def identity(self) -> str:
        return _hash(self.server.url)

    def look(self, ledger: Ledger) -> list[tuple[str, str]]:
        """Studies with radiographs, and how many instances each has."""
        # A day more: the server's clock may be in another time zone.
        since = datetime.now(UTC) - timedelta(days=self.days + 1)
        found, cut = self.server.studies(since.strftime("%Y%m%d"))
        if cut:  # in which order a server lists is its own affair: the new ones may be missing
            raise UsageError(
                "too_many_studies",
                f"the server has more than {MAX_LISTED:,} studies of these days",
                hint="Give fewer --days.",
            )
        return [(study.uid, str(study.count)) for study in found]

    @contextmanager
    def films(self, key: str, ledger: Ledger) -> Iterator[Films]:
        with study_films(f"{self.server.url}/studies/{key}") as paths:
            yield Films(paths, priors_from=self.priors_from or self.server.url)


@dataclass(slots=True)
class FolderSource:
    """A folder that receives files, at any depth; what is in it when the watch begins is new too.

    Hidden files, names that begin with a dot, are not looked at: programs write under those.
    """

    folder: Path
    priors_from: str | None = None
    check: Callable[[], None] = lambda: None
    """Whether whoever fills the folder still does; raises where not."""
    _decoder: Decoder = field(default_factory=Decoder)

    @property
    def identity(self) -> str:
        return _hash(os.fspath(self.folder.resolve()))

    def look(self, ledger: Ledger) -> list[tuple[str, str]]:
        """Look into files that are new or changed; a study's shape is its files."""
        self.check()
        if not self.folder.is_dir():
            raise UsageError(
                "no_watched_folder",
                "there is no folder under this name",
                hint="Give a folder, or the address of a DICOMweb server.",
            )
        known, there = ledger.files(), dict(self._walk())
        gone = known.keys() - there.keys()
        if gone:
            ledger.forget_files(gone)
        fresh = [place for place, facts in there.items() if known.get(place) != facts]
        for start in range(0, len(fresh), _AT_ONCE):
            ledger.keep_files(
                [self._row(place, *there[place]) for place in fresh[start : start + _AT_ONCE]]
            )
        shapes: dict[str, list[str]] = {}
        for row in ledger.films():
            told = f"{row.place}\n{row.size}\n{row.modified_ns}"
            shapes.setdefault(row.key, []).append(told)
        return [(key, _hash("\n".join(told))) for key, told in shapes.items()]

    @contextmanager
    def films(self, key: str, ledger: Ledger) -> Iterator[Films]:
        rows = ledger.films(key)
        places = [os.fspath(self.folder.resolve() / row.place) for row in rows]
        paths = tuple(map(Path, listed_films(places)))
        priors = () if self.priors_from is not None else self._priors(rows, ledger)
        yield Films(paths, priors, self.priors_from)

    def _walk(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Files, relative to the folder, with size and time; no link is followed."""
        root = self.folder.resolve()
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                path = Path(folder, name)
                try:
                    if name.startswith(".") or path.is_symlink() or not path.is_file():
                        continue
                    facts = path.stat()
                except OSError:  # it went away
                    continue
                yield os.fspath(path.relative_to(root)), (facts.st_size, facts.st_mtime_ns)

    def _row(self, place: str, size: int, modified_ns: int) -> FileRow:
        try:
            heading = self._decoder.heading_of(self.folder.resolve() / place)
        except InputError:
            return FileRow(place, size, modified_ns, "")
        patient = "" if heading.nobody else heading.patient
        key = _key(heading, place)
        return FileRow(place, size, modified_ns, key, patient, heading.day, heading.view.value)

    def _priors(self, rows: Sequence[FileRow], ledger: Ledger) -> tuple[Path, ...]:
        """One film of each earlier study of the patient here, the newest first."""
        patient = next((row.patient for row in rows if row.patient), "")
        days = [row.day for row in rows if row.day is not None]
        if not patient or not days:
            return ()
        views = {row.view for row in rows}
        earlier: dict[str, FileRow] = {}
        for row in sorted(ledger.films(patient=patient), key=lambda one: one.view not in views):
            if row.key != rows[0].key and row.day is not None and row.day <= max(days):
                earlier.setdefault(row.key, row)
        newest = sorted(earlier.values(), key=lambda one: (-(one.day or 0), one.place))
        return tuple(self.folder.resolve() / row.place for row in newest[:MAX_PRIORS])

    def close(self) -> None:
        """End the worker that reads headers."""
        self._decoder.close()


def _key(heading: Heading, place: str) -> str:
    """A film that names no study is one of its own."""
    return heading.study or _hash(place)


def _hash(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()
