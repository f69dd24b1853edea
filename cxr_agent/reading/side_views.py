"""Which of several films are further views of a study that another of them shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cxr_agent.errors import InputError
from cxr_agent.imaging.heading import Heading
from cxr_agent.imaging.load import SET_ASIDE


def with_side_views(
    films: Sequence[Path], heading_of: Callable[[Path], Heading]
) -> tuple[tuple[Path, ...], ...]:
    """Each film as a study of its own, but a lateral or decubitus one with its frontal film.

    They belong together where their headers name the same patient and the same study; nothing else
    tells, so films without a header stay apart.

    Parameters
    ----------
    heading_of
        As :meth:`cxr_agent.imaging.Decoder.heading_of`. A film that it refuses stays apart: its
        reading says why.

    Returns
    -------
    tuple of tuple of Path
        In the order of the films; in each study the frontal film comes first.
    """
    headings = [_heading(film, heading_of) for film in films]
    studies: dict[int, list[Path]] = {}
    frontal: dict[tuple[str, str], int] = {}
    for place, told in enumerate(headings):
        if told.study and told.unfit not in SET_ASIDE:
            frontal.setdefault((told.patient, told.study), place)
    for place, (film, told) in enumerate(zip(films, headings, strict=True)):
        beside = told.unfit in SET_ASIDE
        home = frontal.get((told.patient, told.study), place) if beside else place
        studies.setdefault(home, [] if home == place else [films[home]]).append(film)
    return tuple(tuple(dict.fromkeys(studies[home])) for home in sorted(studies))


def _heading(film: Path, heading_of: Callable[[Path], Heading]) -> Heading:
    try:
        return heading_of(film)
    except InputError:
        return Heading()
