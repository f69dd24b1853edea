"""From a phrase of a report to boxes on the film: what it is about, and where that lies.

By rule: the claims of the phrase, their locations in Chest ImaGenome's terms, and the boxes of
these from the outlines. This tells where the phrase points, not whether it is true. A model that
was trained to ground phrases (MAIRA-2, Bannur et al., arXiv 2406.04449) can be asked in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Box, Location, Polarity
from cxr_agent.knowledge import report_lexicon
from cxr_agent.models.adapters.maira2 import GroundedReport
from cxr_agent.prose import Claim
from cxr_agent.prose.structure import structure
from cxr_agent.regions.places import box_of, usual_places
from cxr_agent.study import FloatImage

BY_RULE: Final = "rule"
MOST_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True)
class Pointed:
    """Where one claim of a phrase points."""

    text: str
    """The words of the claim."""
    code: str | None
    """Of the finding or place; None where a model grounded the phrase as a whole."""
    polarity: Polarity | None
    boxes: dict[str, Box]
    """(left, top, right, bottom) in film pixels, by location; by number where a model gave it."""
    usual: bool = False
    """The phrase does not say where: this is where such a finding usually lies."""
    missing: tuple[str, ...] = ()
    """Locations without a box: nothing that they come from is outlined."""


class Grounder(Protocol):
    """A model that finds phrases, as :class:`cxr_agent.models.adapters.maira2.Maira2`."""

    def ground(self, frontal: FloatImage, phrase: str) -> GroundedReport:
        """Boxes for a phrase."""


def point(phrase: str, outlined: Mapping[str, Box]) -> tuple[Pointed, ...]:
    """Ground a phrase by rule.

    Parameters
    ----------
    outlined
        Boxes by structure, of what is outlined on the film.

    Raises
    ------
    UsageError
        ``nothing_said`` where it claims nothing that is known here, ``phrase_too_long``.
    """
    _check(phrase)
    found = tuple(
        _pointed(claim, outlined)
        for sentence in structure(phrase).sentences
        for claim in sentence.claims
        if claim.kind != "measurement"
    )
    if not found:
        raise UsageError(
            "nothing_said",
            "the phrase names no finding and no place that is known here",
            hint="As 'small left pleural effusion', or ask a model: --model maira-2.",
        )
    return found


def point_by_model(phrase: str, film: FloatImage, grounder: Grounder) -> tuple[Pointed, ...]:
    """Ground a phrase with a model; errors as :func:`point` and as the model's."""
    _check(phrase)
    return tuple(
        Pointed(
            text=phrase,
            code=None,
            polarity=None,
            boxes={str(number): box for number, box in enumerate(sentence.boxes, 1)},
        )
        for sentence in grounder.ground(film, phrase).sentences
        if sentence.boxes
    )


def _check(phrase: str) -> None:
    if not phrase.strip():
        raise UsageError("nothing_said", "the phrase is empty", hint="Name a finding.")
    if len(phrase) > MOST_CHARACTERS:
        raise UsageError(
            "phrase_too_long",
            f"a phrase has up to {MOST_CHARACTERS} characters",
            hint="Give one sentence; `structure` takes whole reports.",
        )


def _pointed(claim: Claim, outlined: Mapping[str, Box]) -> Pointed:
    places, usual = _places(claim)
    boxes: dict[str, Box] = {}
    for place in places:
        found = box_of(place, outlined)
        if found is not None:
            boxes[place.value] = found[0]
    return Pointed(
        text=claim.text,
        code=claim.code,
        polarity=claim.polarity if claim.kind == "finding" else None,
        boxes=boxes,
        usual=usual,
        missing=tuple(place.value for place in places if place.value not in boxes),
    )


def _places(claim: Claim) -> tuple[list[Location], bool]:
    if claim.locations:
        return list(claim.locations), False
    if claim.kind == "normal":
        return list(_locations_of(claim)), False
    return usual_places(claim.code, claim.side)


def _locations_of(claim: Claim) -> Iterator[Location]:
    """Of a place that is called normal: on both sides where it has two and none is named."""
    words = report_lexicon().anatomy[claim.code]
    for template in words.locations:
        sides = (claim.side.value,) if claim.side in ("right", "left") else ("right", "left")
        for side in sides if "{side}" in template else ("",):
            yield Location(template.format(side=side))
