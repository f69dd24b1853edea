"""Entities and relations of a sentence in RadGraph's schema (Jain et al., NeurIPS 2021).

Entities: ANAT-DP (a place), OBS-DP, OBS-U and OBS-DA (an observation that is present, uncertain,
absent). Relations: ``located_at`` (observation to place), ``modify`` (an attribute to what it is
said of), ``suggestive_of`` (observation to observation).
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from cxr_agent.evidence import Polarity
from cxr_agent.knowledge import report_lexicon
from cxr_agent.prose.claims import Claim
from cxr_agent.prose.phrases import mentions, table_of
from cxr_agent.prose.read import ReadSentence

EntityLabel = Literal["ANAT-DP", "OBS-DP", "OBS-U", "OBS-DA"]
RelationType = Literal["located_at", "modify", "suggestive_of"]

_LABELS: dict[Polarity, EntityLabel] = {
    Polarity.PRESENT: "OBS-DP",
    Polarity.UNCERTAIN: "OBS-U",
    Polarity.ABSENT: "OBS-DA",
}


class Entity(BaseModel):
    """A part of the sentence; ``id`` is its place in the sentence's list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int
    tokens: str
    label: EntityLabel
    code: str
    start: int
    end: int


class Relation(BaseModel):
    """From one entity to another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: int
    type: RelationType
    target: int


def graph_of(read: ReadSentence) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
    """The entities in the order of the sentence, and the relations among them."""
    drawn = _Graph(read)
    return tuple(drawn.entities), tuple(dict.fromkeys(drawn.relations))


class _Graph:
    def __init__(self, read: ReadSentence) -> None:
        self.text = read.text
        self.entities: list[Entity] = []
        self.relations: list[Relation] = []
        findings = [claim for claim in read.claims if claim.kind == "finding"]
        places = {
            (place.start, place.end): self._add("ANAT-DP", place.code, place.start, place.end)
            for place in read.places
            if not any(f.start <= place.start and place.end <= f.end for f in findings)
        }
        observed = {
            claim: self._add(_LABELS[claim.polarity], claim.code, claim.start, claim.end)
            for claim in findings
        }
        for claim, entity in observed.items():
            self._located(claim, entity, read, places)
            self._modified(claim, entity)
        self._normal(read, places)
        self._suggested(observed)

    def _add(self, label: EntityLabel, code: str, start: int, end: int) -> int:
        number = len(self.entities)
        self.entities.append(
            Entity(
                id=number,
                tokens=self.text[start:end],
                label=label,
                code=code,
                start=start,
                end=end,
            )
        )
        return number

    def _located(
        self, claim: Claim, entity: int, read: ReadSentence, places: dict[tuple[int, int], int]
    ) -> None:
        for place in read.places:
            target = places.get((place.start, place.end))
            if target is not None and place.code in claim.places:
                self.relations.append(Relation(source=entity, type="located_at", target=target))

    def _modified(self, claim: Claim, entity: int) -> None:
        """Attributes are observations of their own, with the label of what they are said of."""
        lower = self.text.lower()
        words = (*claim.morphology, *claim.distribution, *claim.onset)
        table = table_of((("modifier", words), *_degrees(claim)))
        for found in mentions(lower, table) if words or claim.severity else ():
            if found.within(claim.start, claim.end):
                continue
            label = self.entities[entity].label
            known = [e for e in self.entities if (e.start, e.end) == (found.start, found.end)]
            number = known[0].id if known else self._add(label, found.code, found.start, found.end)
            self.relations.append(Relation(source=number, type="modify", target=entity))

    def _normal(self, read: ReadSentence, places: dict[tuple[int, int], int]) -> None:
        """A normal statement: its word is an observation at the place."""
        lower = self.text.lower()
        cues = table_of((("normal", report_lexicon().cue["normal"]),))
        normal = [claim for claim in read.claims if claim.kind == "normal"]
        words = mentions(lower, cues) if normal else []
        for claim in normal:
            target = places.get((claim.start, claim.end))
            if target is None or not words:
                continue
            near = min(words, key=lambda one: abs(one.start - claim.start))
            known = [e for e in self.entities if (e.start, e.end) == (near.start, near.end)]
            number = known[0].id if known else self._add("OBS-DP", "normal", near.start, near.end)
            self.relations.append(Relation(source=number, type="located_at", target=target))

    def _suggested(self, observed: dict[Claim, int]) -> None:
        cues = table_of((("leads_to", report_lexicon().cue["leads_to"]),))
        for cue in mentions(self.text.lower(), cues):
            before = [claim for claim in observed if claim.end <= cue.start]
            after = [claim for claim in observed if claim.start >= cue.end]
            if before and after:
                source = max(before, key=lambda claim: claim.end)
                for target in after:
                    self.relations.append(
                        Relation(
                            source=observed[source],
                            type="suggestive_of",
                            target=observed[target],
                        )
                    )


def _degrees(claim: Claim) -> tuple[tuple[str, tuple[str, ...]], ...]:
    severity = report_lexicon().severity
    return tuple((degree.value, severity[degree.value]) for degree in claim.severity)
