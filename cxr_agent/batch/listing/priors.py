"""Which films of earlier studies are given with a study."""

from __future__ import annotations

from collections.abc import Sequence

from cxr_agent.batch.listing.groups import Film, Group
from cxr_agent.imaging.prior_search import projection_rank
from cxr_agent.study import View


def priors_of(group: Group, currents: Sequence[Film], most: int) -> tuple[str, ...]:
    """Films of the patient's earlier studies, one of each, the newest first.

    A study without a date has no earlier ones and is none. What
    :func:`~cxr_agent.imaging.prior.check_prior` would refuse by the headers is not given.

    Parameters
    ----------
    currents
        The films that are read.
    most
        How many.
    """
    if group.patient is None or group.patient.several:
        return ()
    earlier = [other for other in group.patient.studies if _is_earlier(other, group)]
    earlier.sort(key=lambda other: (other.day or 0, other.second or 0), reverse=True)
    found: list[str] = []
    for other in earlier:
        if len(found) >= most:
            break
        film = _best(other, currents)
        if film is not None:
            found.append(film.place)
    return tuple(found)


def _is_earlier(other: Group, group: Group) -> bool:
    if other is group or other.fault is not None or other.day is None or group.day is None:
        return False
    if other.day == group.day and other.second is not None and group.second is not None:
        return other.second < group.second
    return other.day < group.day


def _best(study: Group, currents: Sequence[Film]) -> Film | None:
    """The film of a study that is best held against the current ones."""
    views = {film.view for film in currents} - {View.UNKNOWN}
    fit = [film for film in study.films if not film.unfit and _may_be_prior(film, currents)]
    return min(
        fit,
        key=lambda film: (film.raw, *projection_rank(film.view, views), -(film.day or 0)),
        default=None,
    )


def _may_be_prior(film: Film, currents: Sequence[Film]) -> bool:
    named = {current.patient for current in currents if current.patient}
    if film.patient and named and film.patient not in named:
        return False
    if film.study and any(current.study == film.study for current in currents):
        return False
    days = [current.day for current in currents if current.day is not None]
    return film.day is None or not days or film.day <= max(days)
