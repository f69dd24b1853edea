"""What may be said of a study's films to anyone who plans."""

from __future__ import annotations

from cxr_agent.planning.planner import FilmFacts
from cxr_agent.study import Study


def facts_of(study: Study) -> tuple[FilmFacts, ...]:
    """Handle, view, scale and age of each film; nothing of who, when or where."""
    return tuple(
        FilmFacts(film.handle, film.view.value, film.spacing is not None, film.days_before)
        for film in (*study.images, *study.priors)
    )
