"""Which films of a folder are priors of the current ones: the right few, and why not the others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from cxr_agent.errors import InputError, PriorCode
from cxr_agent.imaging.decoder import Decoder, FilmPath
from cxr_agent.imaging.film import DecodedFilm
from cxr_agent.imaging.film_folder import FileNumber, film_folder
from cxr_agent.imaging.prior import check_prior
from cxr_agent.imaging.refusal import refusal
from cxr_agent.study import View

MAX_PRIORS: Final = 5
"""Films that a search takes: enough for a course, and each costs the time of a reading."""
SEARCH_S: Final = 120.0
"""After this long the rest of a folder is left."""


class Spare(StrEnum):
    """Why a film that could be a prior was not taken; stands beside the codes of refusals."""

    ONE_PER_STUDY = "one_per_study"
    """A better one of the same study was: of the same projection, or the later one."""
    OVER_LIMIT = "over_limit"
    """:data:`MAX_PRIORS` newer ones were."""
    CHANGED = "changed_meanwhile"
    """The file was another one when it was read again."""


@dataclass(frozen=True, slots=True)
class PriorFolder:
    """Where to look for priors.

    Parameters
    ----------
    named
        Take only films that name their patient, where a current film does.
    passed
        How many films were passed over, by code, before those of the folder came into it.
    cut
        There were more that could have come into it.
    """

    path: FilmPath
    named: bool = False
    passed: Mapping[str, int] = field(default_factory=dict)
    cut: bool = False

    def opened(
        self, films: Sequence[FilmPath], currents: Sequence[DecodedFilm], decoder: Decoder
    ) -> AbstractContextManager[PriorFolder]:
        """Itself: see :class:`PriorSource`."""
        return nullcontext(self)


class PriorSource(Protocol):
    """Where priors come from."""

    def opened(
        self, films: Sequence[FilmPath], currents: Sequence[DecodedFilm], decoder: Decoder
    ) -> AbstractContextManager[PriorFolder]:
        """A folder of films, among which are priors of the current ones, while it is open.

        Parameters
        ----------
        films, currents
            The current films, as files and decoded.
        """


@dataclass(frozen=True, slots=True)
class PriorSearch:
    """What came of a search, in numbers that identify nobody."""

    taken: int
    seen: int
    """Files looked at, whatever they were."""
    passed: Mapping[str, int]
    """Files not taken, by code: of a refusal, or a :class:`Spare`."""
    cut: bool = False
    """There was more than is looked at."""

    @property
    def summary(self) -> str:
        """One line."""
        what = {0: "no prior", 1: "1 prior"}.get(self.taken, f"{self.taken} priors")
        files = "1 file" if self.seen == 1 else f"{self.seen} files"
        counts = sorted(self.passed.items(), key=lambda item: (-item[1], item[0]))
        told = ", ".join(f"{count} {code}" for code, count in counts)
        more = "; there was more than is looked at" if self.cut else ""
        return f"{what} taken of {files}" + (f": {told}" if told else "") + more


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What a choice needs of a film; its pixels are let go, a folder may hold many."""

    path: Path
    sha256: str
    study: str
    day: int | None
    view: View


def find_priors(
    source: PriorFolder,
    currents: Sequence[DecodedFilm],
    given: Sequence[DecodedFilm],
    known: Collection[FileNumber],
    decoder: Decoder,
) -> tuple[list[DecodedFilm], PriorSearch]:
    """The priors in a folder: of the same patient and earlier, one of each study, the newest.

    What :func:`~cxr_agent.imaging.prior.check_prior` says of one prior holds here for each. Of a
    study the film of the current film's projection is taken. A file that cannot be read is
    passed over like any other that does not fit.

    Parameters
    ----------
    given
        Priors that were named one by one.
    known
        The files of the current films and those priors; they are not looked at again.

    Raises
    ------
    UsageError
        ``no_prior_folder``.
    """
    folder = film_folder(source.path, known)
    passed = Counter(source.passed)
    candidates: list[_Candidate] = []
    deadline, cut, seen = time.monotonic() + SEARCH_S, source.cut or folder.cut, 0
    for path in folder.files:
        if time.monotonic() > deadline:
            cut = True
            break
        seen += 1
        try:
            candidates.append(_candidate(path, source, currents, given, candidates, decoder))
        except InputError as error:
            passed[error.code] += 1
    chosen = _chosen(candidates, {film.view for film in currents}, passed)
    films = [film for one in chosen if (film := _again(one, decoder, passed)) is not None]
    total = seen + sum(source.passed.values())
    return films, PriorSearch(len(films), total, passed, cut)


def _candidate(
    path: Path,
    source: PriorFolder,
    currents: Sequence[DecodedFilm],
    given: Sequence[DecodedFilm],
    others: Sequence[_Candidate],
    decoder: Decoder,
) -> _Candidate:
    film = decoder.decode(path)
    if source.named and not film.patient and any(current.patient for current in currents):
        raise refusal(PriorCode.OTHER_PATIENT)
    check_prior(film, currents, given)
    if any(film.sha256 == other.sha256 for other in others):
        raise refusal(PriorCode.DUPLICATE_FILM)
    # A film that names no study is one of its own.
    return _Candidate(path, film.sha256, film.study or film.sha256, film.film_day, film.view)


def _chosen(
    candidates: Sequence[_Candidate], views: Collection[View], passed: Counter[str]
) -> list[_Candidate]:
    best: dict[str, _Candidate] = {}
    for one in candidates:
        other = best.get(one.study)
        if other is not None:
            passed[Spare.ONE_PER_STUDY] += 1
        if other is None or _fit(one, views) < _fit(other, views):
            best[one.study] = one
    newest = sorted(best.values(), key=lambda one: (_age(one), _fit(one, views)))
    if len(newest) > MAX_PRIORS:
        passed[Spare.OVER_LIMIT] += len(newest) - MAX_PRIORS
    return newest[:MAX_PRIORS]


def _age(one: _Candidate) -> tuple[bool, int]:
    """Sorts the newest first and those without a date last."""
    return one.day is None, -(one.day or 0)


def _fit(one: _Candidate, views: Collection[View]) -> tuple[bool, bool, tuple[bool, int]]:
    """Sorts the same projection first, one that is not known before another one."""
    return *projection_rank(one.view, views), _age(one)


def projection_rank(view: View, views: Collection[View]) -> tuple[bool, bool]:
    """Sorts films of one of ``views`` first, then those whose projection is not known."""
    known = view is not View.UNKNOWN
    return not (known and view in views), known


def _again(one: _Candidate, decoder: Decoder, passed: Counter[str]) -> DecodedFilm | None:
    """The film of a candidate, if its file still is what it was."""
    try:
        film = decoder.decode(one.path)
    except InputError as error:
        passed[error.code] += 1
        return None
    if film.sha256 != one.sha256:
        passed[Spare.CHANGED] += 1
        return None
    return film
