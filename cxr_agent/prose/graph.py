"""Entities and relations of a sentence in RadGraph's schema (Jain et al., NeurIPS 2021).

Entities: ANAT-DP (a place or a side), OBS-DP, OBS-U and OBS-DA (an observation that is present,
uncertain, absent). Relations: ``located_at`` (observation to place), ``modify`` (an attribute to
what it is said of), ``suggestive_of`` (observation to observation).
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from cxr_agent.evidence import Polarity, Side
from cxr_agent.knowledge import report_lexicon
from cxr_agent.prose.claims import Claim
from cxr_agent.prose.phrases import Mention, mentions, table_of
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
            self._sided(claim, entity, read, places)
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

    def _known(self, label: EntityLabel, words: Mention) -> int:
        """The entity of these words; made where there is none yet."""
        known = [e for e in self.entities if (e.start, e.end) == (words.start, words.end)]
        return known[0].id if known else self._add(label, words.code, words.start, words.end)

    def _located(
        self, claim: Claim, entity: int, read: ReadSentence, places: dict[tuple[int, int], int]
    ) -> None:
        for place in read.places:
            target = places.get((place.start, place.end))
            if target is not None and place.code in claim.places:
                self.relations.append(Relation(source=entity, type="located_at", target=target))

    def _sided(
        self, claim: Claim, entity: int, read: ReadSentence, places: dict[tuple[int, int], int]
    ) -> None:
        """A side is anatomy: of the place that it stands before, else where the claim is."""
        for side in self._sides_of(claim, read):
            number = self._known("ANAT-DP", side)
            after = [
                place
                for place in read.places
                if place.code in claim.places and place.start >= side.end
            ]
            target = places.get((after[0].start, after[0].end)) if after else None
            self.relations.append(
                Relation(source=entity, type="located_at", target=number)
                if target is None
                else Relation(source=number, type="modify", target=target)
            )

    @staticmethod
    def _sides_of(claim: Claim, read: ReadSentence) -> list[Mention]:
        """The nearest word for each side that the claim has; both words where it is bilateral."""
        wanted = {Side.BILATERAL: tuple(Side), None: ()}.get(claim.side, (claim.side,))
        found = []
        for side in wanted:
            named = [
                one
                for one in read.sides
                if one.code == side and not one.within(claim.start, claim.end)
            ]
            if named:
                found.append(min(named, key=lambda one: abs(one.start - claim.start)))
        return found

    def _modified(self, claim: Claim, entity: int) -> None:
        """Attributes are observations of their own, with the label of what they are said of."""
        lower = self.text.lower()
        words = (*claim.morphology, *claim.distribution, *claim.onset)
        table = table_of((("modifier", words), *_degrees(claim)))
        for found in mentions(lower, table) if words or claim.severity else ():
            if found.within(claim.start, claim.end):
                continue
            number = self._known(self.entities[entity].label, found)
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
            number = self._known("OBS-DP", min(words, key=lambda w: abs(w.start - claim.start)))
            self.relations.append(Relation(source=number, type="located_at", target=target))
            for side in self._sides_of(claim, read):
                self.relations.append(
                    Relation(source=self._known("ANAT-DP", side), type="modify", target=target)
                )

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
