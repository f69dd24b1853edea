"""Findings as rows with attributes, after Lunguage (Moon et al., 2025).

Of its relations those are given that one sentence can tell: ``dx_status``, ``dx_certainty``,
``location``, ``associate``, ``evidence``, ``morphology``, ``distribution``, ``measurement``,
``severity``, ``comparison``, ``onset``, ``no change``, ``improved``, ``worsened``, ``past hx``,
``assessment limitations``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from cxr_agent.evidence import Change
from cxr_agent.knowledge import report_lexicon
from cxr_agent.prose.claims import Claim, Status
from cxr_agent.prose.graph import Entity, Relation
from cxr_agent.prose.read import ReadSentence

_CHANGES = {
    Change.NO_CHANGE: "no change",
    Change.IMPROVED: "improved",
    Change.RESOLVED: "improved",
    Change.WORSENED: "worsened",
    Change.NEW: "worsened",
}


class FindingRow(BaseModel):
    """One finding of one sentence; offsets are those of the sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ent: str
    """The finding's name, whatever the text calls it."""
    cat: Literal["finding", "device", "normal", "measurement"]
    code: str
    dx_status: Status
    dx_certainty: Literal["definitive", "tentative"]
    attributes: dict[str, tuple[str, ...]]


def rows_of(
    read: ReadSentence, entities: tuple[Entity, ...], relations: tuple[Relation, ...]
) -> tuple[FindingRow, ...]:
    """A row per claim."""
    return tuple(_row(claim, read, entities, relations) for claim in read.claims)


def _row(
    claim: Claim,
    read: ReadSentence,
    entities: tuple[Entity, ...],
    relations: tuple[Relation, ...],
) -> FindingRow:
    found: dict[str, tuple[str, ...]] = {
        "location": _location(claim),
        "morphology": claim.morphology,
        "distribution": claim.distribution,
        "severity": tuple(degree.value for degree in claim.severity),
        "onset": claim.onset,
        "measurement": tuple(
            f"{one.value:.{one.decimals}f}{f' {one.unit}' if one.unit else ''}"
            for one in claim.quantities
        ),
        "evidence": _linked(claim, entities, relations, forward=True),
        "associate": _linked(claim, entities, relations, forward=False),
        "past hx": (claim.text,) if claim.past else (),
        "assessment limitations": ("named",) if "limits" in read.cues else (),
    }
    if claim.change is not None:
        found[_CHANGES[claim.change]] = (claim.change.value,)
        found["comparison"] = (claim.change.value,)
    return FindingRow(
        ent=name_of(claim),
        cat=_category(claim),
        code=claim.code,
        dx_status=claim.status,
        dx_certainty="tentative" if claim.tentative else "definitive",
        attributes={name: values for name, values in found.items() if values},
    )


def name_of(claim: Claim) -> str:
    """What a claim is about, in the program's own words."""
    if claim.kind == "finding":
        return report_lexicon().finding[claim.code].name
    return claim.code.replace("_", " ")


def _category(claim: Claim) -> Literal["finding", "device", "normal", "measurement"]:
    if claim.kind != "finding":
        return claim.kind
    section = report_lexicon().finding[claim.code].section
    return "device" if section.startswith("Tubes") else "finding"


def _location(claim: Claim) -> tuple[str, ...]:
    if claim.locations:
        return tuple(place.value for place in claim.locations)
    side = (claim.side.value,) if claim.side is not None else ()
    return (*side, *(place.replace("_", " ") for place in claim.places))


def _linked(
    claim: Claim,
    entities: tuple[Entity, ...],
    relations: tuple[Relation, ...],
    *,
    forward: bool,
) -> tuple[str, ...]:
    """What it is evidence for, or what is evidence for it."""
    mine = {one.id for one in entities if (one.start, one.end) == (claim.start, claim.end)}
    return tuple(
        dict.fromkeys(
            entities[relation.target if forward else relation.source].code
            for relation in relations
            if relation.type == "suggestive_of"
            and (relation.source if forward else relation.target) in mine
        )
    )
