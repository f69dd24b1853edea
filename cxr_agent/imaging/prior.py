"""Whether a film may be the prior of another: same patient, earlier, not the same film."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cxr_agent.errors import PriorCode, UnsuitableFilm
from cxr_agent.imaging.film import DecodedFilm

_TEXTS: Final = {
    PriorCode.OTHER_PATIENT: (
        "the header says that this film is of another patient",
        "Give a prior of the patient whose film is read.",
    ),
    PriorCode.LATER_FILM: (
        "the header says that this film was taken after the current one",
        "Give the later film as the current one, and this program the earlier one as its prior.",
    ),
    PriorCode.DUPLICATE_FILM: (
        "this is the current film, or a prior that was given already",
        "Give each film once.",
    ),
}


def check_prior(
    prior: DecodedFilm, currents: Sequence[DecodedFilm], others: Sequence[DecodedFilm] = ()
) -> None:
    """Refuse what is no prior of the current films.

    Patients are held against each other where both files name one. A film whose date is unknown
    may be a prior.

    Parameters
    ----------
    others
        Priors that were accepted before.

    Raises
    ------
    UnsuitableFilm
        With a :class:`~cxr_agent.errors.PriorCode`.
    """
    named = {film.patient for film in currents if film.patient}
    if prior.patient and named and prior.patient not in named:
        raise _refused(PriorCode.OTHER_PATIENT)
    if any(film.sha256 == prior.sha256 for film in (*currents, *others)):
        raise _refused(PriorCode.DUPLICATE_FILM)
    today = max((film.film_day for film in currents if film.film_day is not None), default=None)
    if today is not None and prior.film_day is not None and prior.film_day > today:
        raise _refused(PriorCode.LATER_FILM)


def _refused(code: PriorCode) -> UnsuitableFilm:
    message, hint = _TEXTS[code]
    return UnsuitableFilm(code, message, hint=hint)
