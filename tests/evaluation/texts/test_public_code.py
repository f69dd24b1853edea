"""The arithmetic agrees with public code on made-up inputs; ``make_goldens.py`` ran that code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.evaluation.texts.bleu import radcliq_bleu2
from cxr_agent.evaluation.texts.chexprompt import read_chexprompt
from cxr_agent.evaluation.texts.green import green, read_green
from cxr_agent.evaluation.texts.judgement import SIX, Judgement, NotJudged
from cxr_agent.evaluation.texts.radcliq import Components, radcliq
from cxr_agent.evaluation.texts.radfact import inside
from cxr_agent.evaluation.texts.radgraph_f1 import radgraph_f1
from cxr_agent.evaluation.texts.text_graph import graph_of_radgraph
from tests.evaluation.texts import examples

GOLDENS: dict[str, Any] = json.loads(Path(__file__).with_name("goldens.json").read_text())
EXACT = 1e-12


@pytest.mark.parametrize("name", examples.GRAPHS)
def test_rewards_of_radgraph(name: str) -> None:
    reference, candidate = map(graph_of_radgraph, examples.GRAPHS[name])
    found = radgraph_f1(reference, candidate)
    ours = [found.simple.f1, found.partial.f1, found.complete.f1]
    assert ours == pytest.approx(GOLDENS["radgraph"][name], abs=EXACT)


@pytest.mark.parametrize("name", sorted(set(examples.GRAPHS) - {"same"}))
def test_graphs_of_radcliq(name: str) -> None:
    reference, candidate = map(graph_of_radgraph, examples.GRAPHS[name])
    found = radgraph_f1(reference, candidate)
    entities, relations = GOLDENS["radcliq_graphs"][name]
    assert [found.simple.f1, found.relations.f1] == pytest.approx([entities, relations], abs=EXACT)
    assert found.combined == pytest.approx((entities + relations) / 2, abs=EXACT)


def test_where_we_differ_from_radcliqs_graphs() -> None:
    """It takes "Effusion" and "effusion" for two words; the package radgraph and we do not."""
    reference, candidate = map(graph_of_radgraph, examples.GRAPHS["same"])
    assert radgraph_f1(reference, candidate).combined == 1.0
    assert GOLDENS["radcliq_graphs"]["same"] == [0.5, 0]


@pytest.mark.parametrize("name", examples.COMPONENTS)
def test_radcliq(name: str) -> None:
    components = Components(*examples.COMPONENTS[name])
    ours = [radcliq(components, "v0"), radcliq(components, "v1")]
    assert ours == pytest.approx(GOLDENS["radcliq"][name], abs=1e-9)


def test_bleu2_of_radcliq() -> None:
    ours = [radcliq_bleu2(*pair) for pair in examples.TEXTS]
    assert ours == pytest.approx(GOLDENS["bleu2"], abs=1e-9)


@pytest.mark.parametrize("name", examples.GREEN_ANSWERS)
def test_answers_of_green(name: str) -> None:
    score, major, minor, matched = GOLDENS["green"][name]
    found = read_green(examples.GREEN_ANSWERS[name])
    assert isinstance(found, Judgement)
    assert green(found) == pytest.approx(score, abs=EXACT)
    assert [found.significant[kind] for kind in SIX] == major
    assert [found.insignificant[kind] for kind in SIX] == minor
    assert found.matched == matched


def test_where_we_differ_from_green() -> None:
    """Its code scores an answer that broke off 0; here it is no score."""
    broken = examples.GREEN_ANSWERS["usual"].partition("[Matched")[0]
    assert read_green(broken) == NotJudged("answer_not_understood")
    assert read_green("") == NotJudged("answer_not_understood")


@pytest.mark.parametrize("name", examples.CHEXPROMPT_ANSWERS)
def test_answers_of_chexprompt(name: str) -> None:
    major, minor = GOLDENS["chexprompt"][name]
    found = read_chexprompt(examples.CHEXPROMPT_ANSWERS[name])
    assert isinstance(found, Judgement)
    assert list(found.significant.values()) == major
    assert list(found.insignificant.values()) == minor


@pytest.mark.parametrize("name", examples.BOXES)
def test_boxes_of_radfact(name: str) -> None:
    mine, others = ([tuple(box) for box in side] for side in examples.BOXES[name])
    ours = inside(mine, others)  # type: ignore[arg-type]
    assert ours == pytest.approx(GOLDENS["boxes"][name], abs=EXACT)
