"""Graphs by rule and from RadGraph's output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import InputError
from cxr_agent.evaluation.texts import Graphs, ReportPair, score_reports
from cxr_agent.evaluation.texts.radgraph_f1 import micro, radgraph_f1
from cxr_agent.evaluation.texts.text_graph import graph_by_rule, graph_of_radgraph, read_radgraph
from tests.evaluation.texts.examples import ABSENT, GRAPHS, PLACE, PRESENT, graph


def test_a_report_as_one_graph() -> None:
    found = graph_by_rule("Left lower lobe opacity. Opacity in the upper lobe. No effusion.")
    said = [(node.tokens, node.label, node.relations) for node in found.nodes]
    assert said == [
        ("lower lobe", "ANAT-DP", ()),
        ("opacity", "OBS-DP", (("located_at", 0),)),
        ("left", "ANAT-DP", (("modify", 0),)),
        ("upper lobe", "ANAT-DP", ()),
        ("opacity", "OBS-DP", (("located_at", 3),)),
        ("effusion", "OBS-DA", ()),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Small {} pleural effusion.",
        "Pneumothorax on the {}.",
        "Opacity in the {} lower lobe.",
        "The {} lung is clear.",
        "No {} pneumothorax.",
    ],
)
def test_a_wrong_side_is_seen(text: str) -> None:
    said = graph_by_rule(text.format("left"))
    found = radgraph_f1(graph_by_rule(text.format("right")), said)
    assert 0 < found.simple.f1 < 1
    assert found.complete.f1 < 1
    assert "left [ANAT-DP]" in found.candidate_only
    assert "right [ANAT-DP]" in found.reference_only
    assert radgraph_f1(said, said).complete.f1 == 1


def test_both_sides_by_two_words_and_by_one() -> None:
    for text, sides in (("Right and left", {"right", "left"}), ("Bilateral", {"bilateral"})):
        found = graph_by_rule(f"{text} pleural effusions.")
        assert {node.tokens for node in found.nodes} == {"pleural effusions"} | sides


def test_what_each_level_sees() -> None:
    found = radgraph_f1(
        graph_by_rule("Lower lobe opacity."), graph_by_rule("Upper lobe opacity. No effusion.")
    )
    assert (found.simple.matched, found.simple.candidate, found.simple.reference) == (1, 3, 2)
    assert found.partial.matched == 1
    assert found.complete.matched == 0
    assert found.matched == ("opacity [OBS-DP]",)
    assert found.candidate_only == ("effusion [OBS-DA]", "upper lobe [ANAT-DP]")
    assert micro([found, found])["simple"].f1 == found.simple.f1


def test_radgraphs_own_output_is_read(tmp_path: Path) -> None:
    """As its README shows it, and as its data set's files have it, by key."""
    shown = {
        "0": {
            "text": "No evidence of pneumothorax following chest tube removal .",
            **graph(
                ("pneumothorax", ABSENT, []),
                ("chest", PLACE, []),
                ("tube", PRESENT, [["located_at", "2"]]),
            ),
            "data_source": None,
            "data_split": "inference",
        },
        "radgraph_text": "no report",
    }
    path = tmp_path / "graphs.json"
    path.write_text(json.dumps(shown))
    found = read_radgraph(path)
    assert set(found) == {"0"}
    assert [node.relations for node in found["0"].nodes] == [(), (), (("located_at", 1),)]


def _broken() -> list[Any]:
    whole = graph(("edema", PRESENT, []))
    entity = whole["entities"]["1"]
    return [
        {},
        {"entities": []},
        {"entities": {"1": "edema"}},
        {"entities": {"1": {**entity, "tokens": 3}}},
        {"entities": {"1": {**entity, "relations": None}}},
        {"entities": {"1": {**entity, "relations": [["modify"]]}}},
        {"entities": {"1": {**entity, "relations": [["modify", "9"]]}}},
        {"entities": {"1": {**entity, "relations": [[1, "1"]]}}},
    ]


@pytest.mark.parametrize("annotation", _broken())
def test_what_is_not_radgraphs(annotation: Any) -> None:
    with pytest.raises(InputError, match="unreadable_report"):
        graph_of_radgraph(annotation)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "graphs.json"
    path.write_text(text)
    with pytest.raises(InputError, match="unreadable_report"):
        read_radgraph(path)


def test_a_models_graphs_take_the_place_of_the_rules() -> None:
    reference, candidate = map(graph_of_radgraph, GRAPHS["more"])
    pairs = [ReportPair("1", "Clear.", "Mass.")]
    graphs = Graphs("RadGraph-XL", {"1": reference}, {"1": candidate})
    found = score_reports(pairs, ["radgraph_type_f1"], graphs=graphs)
    assert found.metrics["radgraph_type_f1"].by == "RadGraph-XL"
    assert found.metrics["radgraph_type_f1"].corpus["complete"] == pytest.approx(2 / 3)
    lacking = score_reports([ReportPair("2", "", "")], ["radgraph_type_f1"], graphs=graphs)
    assert set(lacking.not_run) == {"radgraph_type_f1"}
