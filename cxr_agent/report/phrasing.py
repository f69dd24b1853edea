"""Sentences that join evidence or name its film, by rule, in every language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.knowledge import ENGLISH, language, names, sentences

_OF_THE_RUN: Final = (
    "not_examined",
    "unread_view",
    "budget",
    "thresholds_changed",
    "planner_handover",
    "clinical_question",
)
"""Statements about the run, which no film is named for."""


def told(evidence: Evidence, *, several: bool, code: str = ENGLISH) -> str:
    """The reading of one piece of evidence as a sentence.

    Parameters
    ----------
    several
        Whether the study has more than one current film, so that each must be named.
    """
    # That there is no prior film is said of the study.
    of_the_run = evidence.code in _OF_THE_RUN or evidence.category == "none"
    named = evidence.of_prior or (several and not of_the_run)
    return on_film(evidence.reading, evidence.image, code) if named else evidence.reading


def on_film(text: str, handle: str, code: str = ENGLISH) -> str:
    """A sentence with its film named."""
    if language(code).small_names:
        text = text[:1].lower() + text[1:]
    return _joining("on_film", code).format(handle=handle, sentence=text)


def outlines(regions: Sequence[Evidence], *, several: bool, code: str = ENGLISH) -> str:
    """One sentence for all that a tool outlined on a film."""
    first = regions[0]
    wording = f"outlined_{first.provenance.tool}"
    known = sentences(code)["compose"].variants
    joining = _joining(wording if wording in known else "outlined", code)
    text = joining.format(names=", ".join(_outlined(region, code) for region in regions))
    return on_film(text, first.image, code) if several or first.of_prior else text


def greys_unchanged(zones: Sequence[Evidence], *, several: bool, code: str = ENGLISH) -> str:
    """One sentence for all zones of the lungs whose grey level is that of a prior film."""
    first, words = zones[0], language(code)
    decimals = sentences(code)["changed_density"].decimals
    told = ", ".join(
        f"{words.location.get(zone.location, zone.location)} {words.number(zone.value, decimals)}"
        for zone in zones
        if zone.location is not None and zone.value is not None
    )
    text = _joining("greys_unchanged", code).format(
        against=first.against,
        zones=told,
        repeatability=words.number(first.details["repeatability"], decimals),
    )
    return on_film(text, first.image, code) if several or first.of_prior else text


def is_grey_unchanged(evidence: Evidence) -> bool:
    """Whether it is told together with others of its kind."""
    return evidence.kind is EvidenceKind.COMPARISON and evidence.code == "lung_density"


def quoted(evidence: Evidence, code: str = ENGLISH) -> str:
    """The text that goes with the evidence, in quotation marks: data, that says nothing here."""
    if evidence.kind is EvidenceKind.TEXT:
        return _joining("quoted_outside", code).format(quote=evidence.quote)
    number = f"{evidence.details['item_number']:.0f}"
    return _joining("quoted", code).format(item_number=number, quote=evidence.quote)


def scope(code: str = ENGLISH) -> str:
    """That nothing else was examined."""
    return _joining("scope", code)


def _outlined(region: Evidence, code: str) -> str:
    """The name of what was outlined; a group with the number of its members."""
    name = names(code)[region.code].name
    return f"{name} ({region.details['count']:.0f})" if "count" in region.details else name


def _joining(variant: str, code: str) -> str:
    return sentences(code)["compose"].variants[variant]
