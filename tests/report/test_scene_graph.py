"""The scene graph: Chest ImaGenome's places, attributes and relationships."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cxr_agent.evidence import (
    Box,
    Change,
    Evidence,
    EvidenceKind,
    Location,
    Observation,
    Polarity,
    Severity,
    Side,
)
from cxr_agent.knowledge import scene_graph_rules, vocabulary
from cxr_agent.report.compose import compose
from cxr_agent.report.model import FilmSummary, Report
from cxr_agent.report.render._graph import graph_drawings
from cxr_agent.report.scene_graph import SceneAttributes, SceneGraph, scene_graphs
from tests.builders import Maker
from tests.observations import region, silhouette

BOXES: dict[str, Box] = {
    "right_lung": (40, 60, 240, 420),
    "left_lung": (280, 60, 470, 400),
    "heart": (200, 240, 380, 410),
}


def film(handle: str = "img-1") -> FilmSummary:
    return FilmSummary(
        handle=handle,
        rows=512,
        columns=512,
        view="PA",
        spacing_mm=None,
        spacing_kind=None,
        sha256="0" * 64,
        notices=(),
        days_before=30 if handle.startswith("prior") else None,
        display="0" * 64,
    )


def report(*evidence: Evidence, films: tuple[str, ...] = ("img-1",)) -> Report:
    draft = compose(evidence)
    return Report(
        run_id="run",
        program_version="0",
        planner="protocol",
        status="complete",
        exam="Chest radiograph, one film",
        technique=draft.technique,
        findings=draft.findings,
        impression=draft.impression,
        films=tuple(map(film, films)),
        evidence=evidence,
    )


@pytest.fixture
def outlines(make: Maker) -> list[Evidence]:
    return [make(region(name).model_copy(update={"box": box})) for name, box in BOXES.items()]


def finding(make: Maker, code: str, polarity: Polarity, **rest: object) -> Evidence:
    return make(
        Observation(
            kind=EvidenceKind.FINDING,
            code=code,
            polarity=polarity,
            category="by_reader",
            **rest,  # type: ignore[arg-type]
        )
    )


def said(graph: SceneGraph, place: Location) -> SceneAttributes:
    return next(one for one in graph.attributes if one.bbox_name is place)


def test_the_29_places_and_nothing_else() -> None:
    assert len(Location) == 29
    rules = scene_graph_rules()
    assert set(rules.drawn) == set(Location)
    known = vocabulary()
    assert set(rules.finding) - {"default"} <= set(known)
    for rule in rules.place.values():
        left, top, right, bottom = rule.share
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1


def test_outlines_and_what_is_derived_from_them(outlines: list[Evidence]) -> None:
    (graph,) = scene_graphs(report(*outlines))
    objects = {one.bbox_name: one for one in graph.objects}
    lung = objects[Location.RIGHT_LUNG]
    assert not lung.derived
    assert (lung.original_x1, lung.original_y2) == (40, 420)
    assert lung.x1 == pytest.approx(40 * 224 / 512, abs=0.01)
    base = objects[Location.RIGHT_LOWER_LUNG_ZONE]
    assert base.derived
    assert base.evidence == ("e1",)
    assert (base.original_y1, base.original_y2) == (60 + round(0.67 * 360), 420)
    angle = objects[Location.LEFT_COSTOPHRENIC_ANGLE]
    assert angle.original_x1 > objects[Location.LEFT_LUNG].original_x1  # lateral, to the right
    missing = {one.bbox_name: one.needs for one in graph.not_located}
    assert Location.TRACHEA in missing
    assert missing[Location.TRACHEA] == ("trachea",)
    assert set(objects) | set(missing) == set(Location)


def test_without_outlines_nothing_is_placed_and_findings_still_stand(make: Maker) -> None:
    (graph,) = scene_graphs(report(make(silhouette(Polarity.PRESENT, "pa", 0.6))))
    assert graph.objects == ()
    (heart,) = graph.attributes
    assert (heart.bbox_name, heart.state) == (Location.CARDIAC_SILHOUETTE, "abnormal")
    assert heart.attributes == (
        ("anatomicalfinding|yes|enlarged cardiac silhouette", "nlp|yes|abnormal"),
    )
    assert heart.evidence == (("e1",),)
    assert heart.phrases[0].startswith("Enlarged cardiac silhouette")
    assert heart.sections == ("findings",)


@pytest.mark.parametrize(
    ("polarity", "answer", "state"),
    [
        (Polarity.PRESENT, "yes", "abnormal"),
        (Polarity.ABSENT, "no", "normal"),
        (Polarity.UNCERTAIN, "uncertain", "uncertain"),
    ],
)
def test_three_answers(make: Maker, polarity: Polarity, answer: str, state: str) -> None:
    item = finding(make, "pneumonia", polarity, location=Location.LEFT_LUNG)
    (graph,) = scene_graphs(report(item))
    place = said(graph, Location.LEFT_LUNG)
    assert place.attributes[0][0] == f"disease|{answer}|pneumonia"
    assert place.state == state


def test_a_finding_without_a_place_stands_at_its_usual_one_and_says_so(make: Maker) -> None:
    unsided = finding(make, "pleural_effusion", Polarity.PRESENT)
    (graph,) = scene_graphs(report(unsided))
    for place in (Location.RIGHT_COSTOPHRENIC_ANGLE, Location.LEFT_COSTOPHRENIC_ANGLE):
        assert said(graph, place).unplaced == (True,)
    left = finding(make, "pleural_effusion", Polarity.PRESENT, side=Side.LEFT)
    (graph,) = scene_graphs(report(left))
    assert [one.bbox_name for one in graph.attributes] == [Location.LEFT_COSTOPHRENIC_ANGLE]
    assert graph.attributes[0].unplaced == (False,)
    assert "laterality|yes|left" in graph.attributes[0].attributes[0]


def test_degrees(make: Maker) -> None:
    item = finding(
        make,
        "consolidation",
        Polarity.PRESENT,
        location=Location.RIGHT_LOWER_LUNG_ZONE,
        severity=Severity.MILD,
    )
    (graph,) = scene_graphs(report(item))
    place = said(graph, Location.RIGHT_LOWER_LUNG_ZONE)
    assert place.severity_cues == (("mild",),)
    assert "severity|yes|mild" in place.attributes[0]


def change(make: Maker, category: Change) -> Evidence:
    item = finding(make, "pleural_effusion", Polarity.PRESENT, side=Side.RIGHT)
    return item.model_copy(
        update={"kind": EvidenceKind.COMPARISON, "category": category.value, "polarity": None}
        | {"against": "prior-1"}
    )


@pytest.mark.parametrize(
    ("category", "value"),
    [
        (Change.IMPROVED, "improved"),
        (Change.RESOLVED, "improved"),
        (Change.WORSENED, "worsened"),
        (Change.NEW, "worsened"),
        (Change.NO_CHANGE, "no change"),
    ],
)
def test_a_change_has_one_value_a_subject_and_an_object(
    make: Maker, category: Change, value: str
) -> None:
    graph, _ = scene_graphs(report(change(make, category), films=("img-1", "prior-1")))
    (one,) = graph.relationships
    assert one.relationship_names == (f"comparison|yes|{value}",)
    assert one.subject_id == "img-1_right costophrenic angle"
    assert one.object_id == "prior-1_right costophrenic angle"


def test_changes_that_contradict_each_other_have_no_value(make: Maker) -> None:
    both = (change(make, Change.IMPROVED), change(make, Change.WORSENED))
    graph, _ = scene_graphs(report(*both, films=("img-1", "prior-1")))
    (one,) = graph.relationships
    assert (one.predicate, one.relationship_names) == ("mixed", ())
    assert one.evidence == ("e1", "e2")


def test_no_change_is_told_without_a_prior(outlines: list[Evidence]) -> None:
    (graph,) = scene_graphs(report(*outlines))
    assert graph.relationships == ()


def test_labels_of_the_drawing_do_not_overlap(make: Maker, outlines: list[Evidence]) -> None:
    many = [
        finding(make, code, Polarity.PRESENT)
        for code in ("pleural_effusion", "pneumonia", "pneumothorax", "cardiomegaly", "fracture")
    ]
    everywhere = [
        finding(make, "consolidation", Polarity.ABSENT, location=place) for place in Location
    ]
    (drawing,) = graph_drawings(report(*outlines, *many, *everywhere))
    assert len(drawing.nodes) == 29
    for side in ("left", "right"):
        column = sorted((one for one in drawing.labels if one.side == side), key=lambda o: o.top)
        assert column
        for upper, lower in pairwise(column):
            assert upper.top + upper.height <= lower.top + 1e-6
        assert column[0].top >= 0
        assert column[-1].top + column[-1].height <= drawing.height + 1e-6
    for label in drawing.labels:
        right_of_patient = label.node.location.startswith("right ")
        left_of_patient = label.node.location.startswith("left ")
        assert not (right_of_patient and label.side == "right")
        assert not (left_of_patient and label.side == "left")
