"""What belongs to one browser: its films, its studies, and how much it may still do."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from cxr_agent.reading_room.limits import Buckets, Limits
from cxr_agent.reading_room.study import SentStudy, State
from cxr_agent.reading_room.uploads import create
from cxr_agent.viewing.answering import Refused, nowhere, stranger
from cxr_agent.viewing.guard import Guard


class Session:
    """One session; used from many threads.

    Parameters
    ----------
    guard
        Its cookie, and the secret of its pages.
    room
        Folder for its films alone.
    """

    def __init__(self, guard: Guard, room: Path, limits: Limits) -> None:
        self.guard = guard
        self.limits = limits
        self.buckets = Buckets(limits)
        self.streams = threading.BoundedSemaphore(limits.streams)
        self.room = room
        self.seen = time.monotonic()
        """When it was last used."""
        self._films: dict[str, Path] = {}
        self._studies: dict[str, SentStudy] = {}
        self._ended = False
        self._coming = 0
        """Bytes that are being sent."""
        self._arriving = 0
        self._lock = threading.Lock()

    @property
    def studies(self) -> tuple[SentStudy, ...]:
        """The newest first."""
        with self._lock:
            return tuple(reversed(self._studies.values()))

    def study(self, name: str) -> SentStudy:
        """One of its own; raises Refused ``not_found``, also for those of others."""
        with self._lock:
            found = self._studies.get(name)
        if found is None:
            raise nowhere()
        return found

    @contextmanager
    def film(self, length: int) -> Iterator[tuple[str, BinaryIO]]:
        """A file for a film of ``length`` bytes, and its name; removed where it does not come.

        Raises
        ------
        Refused
            ``too_many``, ``disk_limit``, ``disk_full``.
        """
        self._expect(length)
        name = secrets.token_hex(16)
        path = self.room / name
        try:
            with create(path) as file:
                yield name, file
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and not isinstance(error, ConnectionError | TimeoutError):
                raise Refused(
                    HTTPStatus.INSUFFICIENT_STORAGE, "disk_full", "the film cannot be kept"
                ) from None
            raise
        else:
            with self._lock:
                self._films[name] = path
        finally:
            with self._lock:
                self._coming -= length
                self._arriving -= 1

    def begin(self, films: Sequence[str], priors: Sequence[str], indication: str) -> SentStudy:
        """A study of films that were sent; whatever comes of it, they are no longer held.

        Raises
        ------
        Refused
            ``unknown_upload``, ``too_many``.
        """
        with self._lock:
            taken = [self._films.pop(name, None) for name in (*films, *priors)]
            paths = [path for path in taken if path is not None]
            refused = None
            if len(paths) < len(taken):
                refused = Refused(
                    HTTPStatus.CONFLICT, "unknown_upload", "a film is not here: send it again"
                )
            elif len(self._studies) >= self.limits.studies:
                refused = _too_many("this session has as many studies as it may")
            elif self._ended:
                refused = stranger()
            if refused is not None:
                for path in paths:
                    path.unlink(missing_ok=True)
                raise refused
            number = len(self._studies) + 1
            study = SentStudy(
                f"Study {number}", paths[: len(films)], paths[len(films) :], indication
            )
            self._studies[study.name] = study
            return study

    def forget(self, films: Sequence[str]) -> None:
        """Remove films that wait for a study that will not come."""
        with self._lock:
            for path in [self._films.pop(name) for name in films if name in self._films]:
                path.unlink(missing_ok=True)

    def end(self) -> tuple[SentStudy, ...]:
        """Begin nothing more; returns what there is to be closed."""
        with self._lock:
            self._ended = True
        return self.studies

    def drop(self, study: SentStudy) -> None:
        """Forget a study that nobody took to read."""
        with self._lock:
            self._studies.pop(study.name, None)
        study.close()

    def too_many_open(self) -> tuple[SentStudy, ...]:
        """The oldest of its open studies, beyond those that are kept."""
        held = [study for study in self.studies if study.state is State.OPEN]
        return tuple(held[max(0, self.limits.open_studies - 1) :])

    def _expect(self, length: int) -> None:
        used = self._used()
        with self._lock:
            if len(self._films) + self._arriving >= self.limits.files:
                raise _too_many(f"{self.limits.files} films wait for their study already")
            if used + self._coming + length > self.limits.session_bytes:
                raise Refused(
                    HTTPStatus.INSUFFICIENT_STORAGE,
                    "disk_limit",
                    "this session holds as much as it may",
                    hint="end the session; its traces stay",
                )
            self._coming += length
            self._arriving += 1

    def _used(self) -> int:
        """Bytes of films that lie here, and of its traces."""
        folders = [self.room, *(one.directory for one in self.studies if one.directory)]
        return sum(_size(folder) for folder in folders)


def _too_many(message: str) -> Refused:
    return Refused(
        HTTPStatus.TOO_MANY_REQUESTS, "too_many", message, hint="end the session", wait_s=60
    )


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).stat().st_size
            except OSError:
                continue
    return total
