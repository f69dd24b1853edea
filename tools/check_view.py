"""Say what sort of picture this is and how it lies, before anything is measured on it."""

from __future__ import annotations

from collections.abc import Iterable

from cxr_agent.evidence import EvidenceKind, Observation
from cxr_agent.models.shelf import Shelf
from cxr_agent.models.view import unreadable
from cxr_agent.study import AgeGroup, Image, View
from cxr_agent.toolbox.contract import Abstain, ToolResult, tool

SUBJECT = "orientation"


class CheckView(ToolResult):
    """Probabilities in [0, 1], and what the card's limits make of them."""

    frontal: float
    turned: float
    mirrored: float
    inverted: float
    ap: float
    child: float
    header_view: View
    looks_mirrored: bool
    projection: View
    """As judged from the picture; UNKNOWN where the probability is clear of neither limit."""
    looks_like_child: bool

    def observations(self) -> Iterable[Observation]:
        yield Observation(
            kind=EvidenceKind.QUALITY,
            code=SUBJECT,
            category="mirrored" if self.looks_mirrored else "upright",
            probability=self.mirrored if self.looks_mirrored else 1 - self.turned,
        )
        if self.header_view is View.UNKNOWN and self.projection is not View.UNKNOWN:
            yield Observation(
                kind=EvidenceKind.QUALITY,
                code="projection_from_pixels",
                category=self.projection.value.lower(),
                probability=self.ap if self.projection is View.AP else 1 - self.ap,
            )
        if self.looks_like_child:
            yield Observation(
                kind=EvidenceKind.QUALITY, code="age_from_pixels", probability=self.child
            )


@tool(
    version="1.0",
    purpose="Whether the picture is an upright frontal chest film, mirrored, inverted, PA or AP.",
    subject=SUBJECT,
    model="view",
    time_limit_s=20,
)
def check_view(film: Image, shelf: Shelf) -> CheckView:
    """Look at the picture as it was stored.

    Raises
    ------
    Abstain
        ``not_frontal_chest``, ``side_view``, ``turned_picture`` or ``inverted_greys``, each from
        the probability on that the card names: nothing true can be said of such a picture.
    """
    model = shelf.view()
    look = model.look(film.pixels)
    limits = model.card.limits
    reason = unreadable(look, limits)
    if reason is not None:
        raise Abstain(SUBJECT, reason)
    return CheckView(
        frontal=look.frontal,
        turned=look.turned,
        mirrored=look.mirrored,
        inverted=look.inverted,
        ap=look.ap,
        child=look.child,
        header_view=film.view,
        looks_mirrored=look.mirrored >= limits["mirrored"],
        projection=_projection(look.ap, limits),
        looks_like_child=look.child >= limits["child"] and film.age_group is not AgeGroup.ADULT,
    )


def _projection(ap: float, limits: dict[str, float]) -> View:
    if ap >= limits["ap"]:
        return View.AP
    return View.PA if ap <= limits["pa"] else View.UNKNOWN
