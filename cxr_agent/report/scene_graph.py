"""A study as a scene graph in the terms of Chest ImaGenome (Wu et al., 2021).

One graph per film: objects are places with boxes, attributes are what is said of them, aligned by
phrase, relationships are changes against a prior film. Two departures: a film has its handle, never
an identifier of a patient, and a finding that is undecided has the value ``uncertain`` beside
Chest ImaGenome's ``yes`` and ``no``. What nobody looked at does not appear.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from cxr_agent.evidence import Box, Change, Evidence, EvidenceKind, Location, Polarity
from cxr_agent.knowledge import scene_graph_rules, structures, vocabulary
from cxr_agent.regions.places import box_of, usual_places
from cxr_agent.report.model import FilmSummary, Report

SCENE_GRAPH_SCHEMA_VERSION: Final = 1
_SIDE_OF_PICTURE: Final = 224
"""Chest ImaGenome gives boxes on this scale as well."""
_ANSWER: Final = {Polarity.PRESENT: "yes", Polarity.ABSENT: "no", Polarity.UNCERTAIN: "uncertain"}
_CHANGES: Final = {
    Change.IMPROVED: "improved",
    Change.RESOLVED: "improved",
    Change.WORSENED: "worsened",
    Change.NEW: "worsened",
    Change.NO_CHANGE: "no change",
}

State = Literal["abnormal", "uncertain", "normal", "located"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SceneObject(_Part):
    """A place on the film."""

    object_id: str
    bbox_name: Location
    x1: float
    y1: float
    x2: float
    y2: float
    """On a square of 224, as Chest ImaGenome has them."""
    original_x1: int
    original_y1: int
    original_x2: int
    original_y2: int
    """In film pixels; right and bottom exclusive."""
    derived: bool
    """A part of an outline's box, not an outline of its own."""
    evidence: tuple[str, ...]
    """Of the outlines that it comes from."""


class SceneAttributes(_Part):
    """What is said of a place; the lists belong together phrase by phrase."""

    object_id: str
    bbox_name: Location
    state: State
    attributes: tuple[tuple[str, ...], ...]
    """``category|yes, no or uncertain|name`` and modifiers, for each phrase."""
    phrases: tuple[str, ...]
    phrase_ids: tuple[str, ...]
    sections: tuple[str, ...]
    severity_cues: tuple[tuple[str, ...], ...]
    comparison_cues: tuple[tuple[str, ...], ...]
    unplaced: tuple[bool, ...]
    """The evidence does not say where: the place is the finding's usual one."""
    codes: tuple[str, ...]
    evidence: tuple[tuple[str, ...], ...]


class SceneRelationship(_Part):
    """A change of a place against the same place on a prior film."""

    relationship_id: str
    predicate: str
    relationship_names: tuple[str, ...]
    """One of ``comparison|yes|improved``, ``... worsened``, ``... no change``; none where the
    evidence contradicts itself."""
    subject_id: str
    object_id: str
    bbox_name: Location
    phrase: str
    attributes: tuple[str, ...]
    evidence: tuple[str, ...]


class Missing(_Part):
    """A place without a box."""

    bbox_name: Location
    needs: tuple[str, ...]
    """Structures of which an outline would place it."""


class SceneGraph(_Part):
    """One film."""

    schema_version: int = SCENE_GRAPH_SCHEMA_VERSION
    image_id: str
    run_id: str
    viewpoint: str
    width: int
    height: int
    objects: tuple[SceneObject, ...]
    attributes: tuple[SceneAttributes, ...]
    relationships: tuple[SceneRelationship, ...]
    not_located: tuple[Missing, ...]
    notice: str


def scene_graphs(report: Report) -> tuple[SceneGraph, ...]:
    """The graph of every film of a report, current ones first."""
    films = sorted(report.films, key=lambda film: film.handle.startswith("prior-"))
    return tuple(_Builder(report, film).build() for film in films)


class _Builder:
    def __init__(self, report: Report, film: FilmSummary) -> None:
        self._report = report
        self._film = film
        self._evidence = [item for item in report.evidence if item.image == film.handle]
        self._outlined = {
            item.code: item
            for item in self._evidence
            if item.kind is EvidenceKind.REGION and item.box is not None
        }

    def build(self) -> SceneGraph:
        objects = {place: made for place in Location if (made := self._object(place)) is not None}
        return SceneGraph(
            image_id=self._film.handle,
            run_id=self._report.run_id,
            viewpoint=self._film.view,
            width=self._film.columns,
            height=self._film.rows,
            objects=tuple(objects.values()),
            attributes=tuple(self._attributes(objects)),
            relationships=tuple(self._relationships()),
            not_located=tuple(
                Missing(bbox_name=place, needs=_needed(place))
                for place in Location
                if place not in objects
            ),
            notice=self._report.notice,
        )

    def _object(self, place: Location) -> SceneObject | None:
        outlined = {code: item.box for code, item in self._outlined.items() if item.box is not None}
        own = next((i for i in self._outlined.values() if i.location is place), None)
        if own is not None:
            assert own.box is not None
            return self._made(place, own.box, (own,), derived=False)
        found = box_of(place, outlined)
        if found is None:
            return None
        sources = tuple(self._outlined[code] for code in found[1])
        return self._made(place, found[0], sources, derived=True)

    def _made(
        self, place: Location, box: Box, sources: tuple[Evidence, ...], *, derived: bool
    ) -> SceneObject:
        across, down = _SIDE_OF_PICTURE / self._film.columns, _SIDE_OF_PICTURE / self._film.rows
        left, top, right, bottom = box
        return SceneObject(
            object_id=_object_id(self._film.handle, place),
            bbox_name=place,
            x1=round(left * across, 2),
            y1=round(top * down, 2),
            x2=round(right * across, 2),
            y2=round(bottom * down, 2),
            original_x1=left,
            original_y1=top,
            original_x2=right,
            original_y2=bottom,
            derived=derived,
            evidence=tuple(item.id for item in sources),
        )

    def _attributes(self, objects: dict[Location, SceneObject]) -> Iterator[SceneAttributes]:
        said: dict[Location, list[tuple[Evidence, bool]]] = {}
        for item in self._evidence:
            if item.kind is EvidenceKind.FINDING:
                places, unplaced = _places(item)
                for place in places:
                    said.setdefault(place, []).append((item, unplaced))
        for place in Location:
            told = said.get(place, [])
            if not told and place not in objects:
                continue
            phrases = [self._phrase(item) for item, _ in told]
            yield SceneAttributes(
                object_id=_object_id(self._film.handle, place),
                bbox_name=place,
                state=_state([item for item, _ in told]),
                attributes=tuple(_values(item) for item, _ in told),
                phrases=tuple(text for text, _, _ in phrases),
                phrase_ids=tuple(identity for _, identity, _ in phrases),
                sections=tuple(section for _, _, section in phrases),
                severity_cues=tuple(
                    (item.severity.value,) if item.severity else () for item, _ in told
                ),
                comparison_cues=tuple(() for _ in told),
                unplaced=tuple(unplaced for _, unplaced in told),
                codes=tuple(item.code for item, _ in told),
                evidence=tuple((item.id,) for item, _ in told),
            )

    def _phrase(self, item: Evidence) -> tuple[str, str, str]:
        """The sentence of the report that cites it, its number, and its section."""
        number = 0
        for section in ("answer", "technique", "comparison", "findings", "impression"):
            for sentence in getattr(self._report, section):
                number += 1
                if item.id in sentence.evidence and section in ("findings", "comparison"):
                    return sentence.text, f"s{number}", section
        return item.reading, "", ""

    def _relationships(self) -> Iterator[SceneRelationship]:
        found: dict[tuple[Location, str, str], list[Evidence]] = {}
        for item in self._evidence:
            if item.kind is EvidenceKind.COMPARISON and vocabulary()[item.code].kind == "finding":
                for place in _places(item)[0]:
                    found.setdefault((place, item.code, item.against or ""), []).append(item)
        for number, ((place, code, prior), items) in enumerate(found.items(), start=1):
            values = {_CHANGES[Change(item.category or "")] for item in items}
            clear = len(values) == 1
            yield SceneRelationship(
                relationship_id=f"{self._film.handle}|r{number}",
                predicate="compared with the prior film" if clear else "mixed",
                relationship_names=(f"comparison|yes|{values.pop()}",) if clear else (),
                subject_id=_object_id(self._film.handle, place),
                object_id=_object_id(prior, place),
                bbox_name=place,
                phrase=self._phrase(items[0])[0],
                attributes=(f"{_category(code)}|yes|{vocabulary()[code].name}",),
                evidence=tuple(item.id for item in items),
            )


def _object_id(handle: str, place: Location) -> str:
    return f"{handle}_{place.value}"


def _needed(place: Location) -> tuple[str, ...]:
    rule = scene_graph_rules().place.get(place)
    own = tuple(code for code, one in structures().items() if one.location is place)
    return rule.of if rule is not None else own


def _places(item: Evidence) -> tuple[list[Location], bool]:
    """Where a finding is, and whether that is only where it usually is."""
    if item.location is not None:
        return [item.location], False
    return usual_places(item.code, item.side)


def _values(item: Evidence) -> tuple[str, ...]:
    assert item.polarity is not None
    term = vocabulary()[item.code]
    values = [f"{_category(item.code)}|{_ANSWER[item.polarity]}|{term.name}"]
    if item.polarity is Polarity.PRESENT:
        values.append("nlp|yes|abnormal")
    if item.severity is not None:
        values.append(f"severity|yes|{item.severity}")
    if item.side is not None:
        values.append(f"laterality|yes|{item.side}")
    return tuple(values)


def _category(code: str) -> str:
    rules = scene_graph_rules().finding
    return rules.get(code, rules["default"]).category


def _state(items: list[Evidence]) -> State:
    polarities = {item.polarity for item in items}
    if Polarity.PRESENT in polarities:
        return "abnormal"
    if Polarity.UNCERTAIN in polarities:
        return "uncertain"
    return "normal" if items else "located"
