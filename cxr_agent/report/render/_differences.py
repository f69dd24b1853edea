"""Difference views: what a comparison saw, as pictures of the current film."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.report.model import FilmSummary, Report
from cxr_agent.report.render._artifacts import Artifact, fetched
from cxr_agent.report.render._drawings import OverlayError
from cxr_agent.report.render._pictures import Film, colour_picture
from cxr_agent.report.render._wording import Words


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """A current film against one prior."""

    image: str
    against: str
    when: str
    picture: Film | None
    fault: str
    """Why there is no picture, empty where there is one."""
    evidence: tuple[str, ...]
    """Ids of what was compared, and of what stands against it."""


def difference_views(report: Report, artifact: Artifact) -> tuple[DifferenceView, ...]:
    """One for each pair of films that a comparison drew, in the order of the evidence.

    A file that is missing, damaged or not made for its film is named in ``fault``. So is why grey
    levels are not comparable: where the films could not be laid over one another, the colours mean
    nothing.
    """
    from cxr_agent.toolbox.artifacts import DIFFERENCE

    films = {film.handle: film for film in report.films}
    pairs: dict[tuple[str, str, str], list[Evidence]] = {}
    for item in report.evidence:
        if item.kind is EvidenceKind.COMPARISON and DIFFERENCE in item.artifacts:
            key = item.image, item.against or "", item.artifacts[DIFFERENCE]
            pairs.setdefault(key, []).append(item)
    say = Words(report.language)
    return tuple(_view(report, pair, items, films, artifact, say) for pair, items in pairs.items())


def _view(
    report: Report,
    pair: tuple[str, str, str],
    items: list[Evidence],
    films: dict[str, FilmSummary],
    artifact: Artifact,
    say: Words,
) -> DifferenceView:
    image, against, digest = pair
    obstacles = [item for item in report.evidence if _stands_against(item, image, against)]
    picture, fault = None, "; ".join(map(say.because, obstacles))
    if not fault:
        try:
            picture = _picture(fetched(artifact, digest), films.get(image))
        except OverlayError as error:
            fault = str(error)
    prior = films.get(against)
    return DifferenceView(
        image=image,
        against=against,
        when=say.when(prior.days_before if prior else None, current=False),
        picture=picture,
        fault=fault,
        evidence=tuple(item.id for item in (obstacles or items)),
    )


def _stands_against(item: Evidence, image: str, against: str) -> bool:
    of_pair = item.image == image and item.against == against
    return of_pair and item.code == "prior_comparison" and item.category == "density"


def _picture(data: bytes, film: FilmSummary | None) -> Film:
    if film is None:
        raise OverlayError("its film is not in the report")
    return colour_picture(data, (film.rows, film.columns))
