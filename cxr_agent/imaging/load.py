"""From files to a :class:`~cxr_agent.study.Study`."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from cxr_agent.errors import InputError, UnsuitableCode, UnsuitableFilm, UsageError
from cxr_agent.imaging.decoder import Decoder, FilmPath
from cxr_agent.imaging.film import DecodedFilm, latest_day
from cxr_agent.imaging.film_folder import file_number
from cxr_agent.imaging.prior import check_prior
from cxr_agent.imaging.prior_search import PriorSearch, PriorSource, find_priors
from cxr_agent.imaging.refusal import refusal
from cxr_agent.study import Image, Study

SET_ASIDE: Final = frozenset({UnsuitableCode.LATERAL_VIEW, UnsuitableCode.ROTATED_FILM})
"""Views that are usual beside a frontal film. They are told by the header, and no tool reads them:
a study is read without them and says so."""
MAX_INDICATION: Final = 2000
"""Characters of an indication that are kept."""


def load_study(
    films: FilmPath | Sequence[FilmPath],
    priors: FilmPath | Sequence[FilmPath] = (),
    indication: str = "",
    decoder: Decoder | None = None,
    *,
    priors_from: PriorSource | None = None,
    on_search: Callable[[PriorSearch], None] | None = None,
    on_unfit_prior: Callable[[InputError], None] | None = None,
    keyed: Callable[[str], str] = lambda _: "",
) -> Study:
    """Decode the films of a patient and put them behind handles.

    Parameters
    ----------
    films
        The current films; they become ``img-1``, ``img-2`` ... in this order. Beside a frontal
        film a lateral or decubitus one is set aside, see ``Study.unread_views``.
    priors
        Earlier films of the same patient. They become ``prior-1`` ... with the newest first;
        those without a usable date keep their order and come last.
    indication
        Why the film was taken. Cut at :data:`MAX_INDICATION` characters; control and invisible
        characters are removed.
    decoder
        Give one to keep its worker warm over many studies. Otherwise one is made and ended.
    priors_from
        Where more priors are looked for. What does not fit is passed over.
    on_search
        Told what came of that.
    on_unfit_prior
        Told of a named prior that is refused, which is then passed over; without it, it is raised.
    keyed
        What becomes of a patient's fingerprint: without it, nothing of it is kept.

    Raises
    ------
    UsageError
        ``no_film``, ``no_prior_folder``.
    InputError, UnsuitableFilm
        The first film that is refused; with several films, the message names its place. A prior
        also when it is of another patient, of the same study, later than the current films, given
        already, or synthetic. A synthetic film among others that are not.
    """
    currents, earlier = path_list(films), path_list(priors)
    if not currents:
        raise UsageError("no_film", "there is no film to read", hint="Name at least one file.")
    if decoder is None:
        with Decoder() as own:
            return load_study(
                currents,
                earlier,
                indication,
                own,
                priors_from=priors_from,
                on_search=on_search,
                on_unfit_prior=on_unfit_prior,
                keyed=keyed,
            )
    current, read, unread = _current(currents, decoder, alone=not earlier)
    given = _priors(earlier, current, decoder, on_unfit_prior)
    if priors_from is not None:
        known = [n for path in (*currents, *earlier) if (n := file_number(path)) is not None]
        with priors_from.opened(read, current, decoder) as folder:
            found, search = find_priors(folder, current, given, known, decoder)
        given += found
        if on_search is not None:
            on_search(search)
    study = _study(current, given, indication, keyed)
    return replace(study, priors_searched=priors_from is not None, unread_views=unread)


def _current(
    films: list[FilmPath], decoder: Decoder, *, alone: bool
) -> tuple[list[DecodedFilm], list[FilmPath], tuple[str, ...]]:
    """Films that can be read, their paths, and the codes of those set aside beside them."""
    current: list[DecodedFilm] = []
    read: list[FilmPath] = []
    aside: list[UnsuitableFilm] = []
    for n, path in enumerate(films, 1):
        try:
            film = _decode(path, "" if alone and len(films) == 1 else f"film {n}", decoder)
        except UnsuitableFilm as error:
            if error.code not in SET_ASIDE:
                raise
            aside.append(error)
        else:
            current.append(film)
            read.append(path)
    if not current:
        raise aside[0]
    _check_alike(current)
    return current, read, tuple(dict.fromkeys(error.code for error in aside))


def _priors(
    films: list[FilmPath],
    current: list[DecodedFilm],
    decoder: Decoder,
    on_unfit: Callable[[InputError], None] | None,
) -> list[DecodedFilm]:
    """The priors that were named."""
    earlier: list[DecodedFilm] = []
    for n, path in enumerate(films, 1):
        try:
            prior = _decode(path, f"prior {n}", decoder)
            with _named(f"prior {n}"):
                check_prior(prior, current, earlier)
        except InputError as error:
            if on_unfit is None:
                raise
            on_unfit(error)
        else:
            earlier.append(prior)
    return earlier


def _check_alike(films: Sequence[DecodedFilm]) -> None:
    """No study has synthetic films beside others: a statement on both would be on a patient."""
    if all(film.synthetic for film in films):
        return
    for n, film in enumerate(films, 1):
        with _named(f"film {n}"):
            if film.synthetic:
                raise refusal(UnsuitableCode.SYNTHETIC_FILM)


def _study(
    current: list[DecodedFilm],
    earlier: list[DecodedFilm],
    indication: str,
    keyed: Callable[[str], str],
) -> Study:
    today = latest_day(current)
    return Study(
        images=tuple(
            replace(_image(f"img-{n}", film, None), patient_key=keyed(film.patient))
            for n, film in enumerate(current, 1)
        ),
        priors=tuple(
            _image(f"prior-{n}", film, days)
            for n, (film, days) in enumerate(_newest_first(earlier, today), 1)
        ),
        indication=clean_indication(indication),
    )


def path_list(paths: FilmPath | Sequence[FilmPath]) -> list[FilmPath]:
    """One path or several, as a list."""
    if isinstance(paths, str | bytes | os.PathLike):
        return [paths]
    return list(paths)


def _decode(path: FilmPath, place: str, decoder: Decoder) -> DecodedFilm:
    with _named(place):
        return decoder.decode(path)


@contextmanager
def _named(place: str) -> Iterator[None]:
    """Say in a refusal which film it is about."""
    try:
        yield
    except InputError as error:
        if not place:
            raise
        raise type(error)(error.code, f"{place}: {error.message}", hint=error.hint) from None


def _newest_first(
    priors: list[DecodedFilm], today: int | None
) -> list[tuple[DecodedFilm, int | None]]:
    """Each prior with its days before the current film, where both are dated."""
    pairs = [
        (film, None if today is None or film.film_day is None else today - film.film_day)
        for film in priors
    ]
    return sorted(pairs, key=lambda pair: (pair[1] is None, pair[1] or 0))


def _image(handle: str, film: DecodedFilm, days_before: int | None) -> Image:
    return Image(
        handle=handle,
        pixels=film.pixels,
        sha256=film.sha256,
        view=film.view,
        view_source=film.view_source,
        age_group=film.age_group,
        spacing=film.spacing,
        notices=film.notices,
        days_before=days_before,
    )


def clean_indication(text: str) -> str:
    """``text`` on one line, without control, format and unassigned characters, cut.

    Invisible characters have no use in an indication, but can hide or reorder what is read.
    """
    # Only a bounded part is looked at: a file of any length can be given as an indication.
    spaced = " ".join(text[: 4 * MAX_INDICATION].split())
    visible = "".join(c for c in spaced if not unicodedata.category(c).startswith("C"))
    return visible[:MAX_INDICATION].strip()
