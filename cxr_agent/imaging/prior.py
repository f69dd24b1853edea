"""Whether a film may be the prior of another: same patient, an earlier study, another film."""

from __future__ import annotations

from collections.abc import Sequence

from cxr_agent.errors import PriorCode
from cxr_agent.imaging.film import DecodedFilm, latest_day
from cxr_agent.imaging.refusal import refusal


def check_prior(
    prior: DecodedFilm, currents: Sequence[DecodedFilm], others: Sequence[DecodedFilm] = ()
) -> None:
    """Refuse what is no prior of the current films.

    Patients and studies are held against each other where both files name them. A film whose
    date is unknown may be a prior.

    Parameters
    ----------
    others
        Priors that were accepted before.

    Raises
    ------
    UnsuitableFilm
        With a :class:`~cxr_agent.errors.PriorCode`.
    """
    # A film that nobody stood for neither has a past nor is one.
    if prior.synthetic:
        raise refusal(PriorCode.SYNTHETIC_PRIOR)
    if any(film.synthetic for film in currents):
        raise refusal(PriorCode.PRIOR_OF_SYNTHETIC)
    named = {film.patient for film in currents if film.patient}
    if prior.patient and named and prior.patient not in named:
        raise refusal(PriorCode.OTHER_PATIENT)
    if any(film.sha256 == prior.sha256 for film in (*currents, *others)):
        raise refusal(PriorCode.DUPLICATE_FILM)
    if prior.study and any(film.study == prior.study for film in currents):
        raise refusal(PriorCode.SAME_STUDY)
    today = latest_day(currents)
    if today is not None and prior.film_day is not None and prior.film_day > today:
        raise refusal(PriorCode.LATER_FILM)
