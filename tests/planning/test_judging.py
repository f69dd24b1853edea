"""A second judge may strike out what was worded, and let nothing in."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cxr_agent.evidence import Evidence
from cxr_agent.language import LanguageModel, ModelSettings
from cxr_agent.planning.judging import Judge
from cxr_agent.report.compose import compose
from cxr_agent.report.draft import Draft, Section
from cxr_agent.report.gates.gate import repair
from cxr_agent.report.model import Sentence
from cxr_agent.testing.stub_server import Reply, StubServer
from tests.builders import Maker
from tests.observations import PRESENT, ratio, silhouette

WORDED = Sentence(text="Cardiomegaly.", evidence=("e2",))
SIZED = Sentence(text="The cardiothoracic ratio is 0.46.", evidence=("e1",))


@pytest.fixture
def evidence(make: Maker) -> list[Evidence]:
    return [make(ratio()), make(silhouette(PRESENT, "pa", 0.618))]


def sifted(reply: Reply, evidence: Sequence[Evidence], draft: Draft) -> tuple[list[str], int, str]:
    with StubServer([reply]) as server:
        settings = ModelSettings(name="openai/stub", api_base=server.url, second_judge=True)
        kept, _ = Judge(LanguageModel(settings)).sift(draft, evidence)
        sent = str(server.requests[0].body) if server.requests else ""
        return [sentence.text for _, sentence in kept], len(server.requests), sent


def drafted() -> Draft:
    return Draft().with_section(Section.FINDINGS, (WORDED, SIZED))


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("1: yes\n2: yes", [WORDED.text, SIZED.text]),
        ("1: no\n2: yes", [SIZED.text]),
        ("2. No\n1) yes", [WORDED.text]),
        ("7: no\n0: no", [WORDED.text, SIZED.text]),
        ("I cannot tell.", [WORDED.text, SIZED.text]),
        ("1: yes\nFINDINGS: Pneumothorax. [e1]", [WORDED.text, SIZED.text]),
    ],
)
def test_it_only_strikes_out(evidence: list[Evidence], answer: str, kept: list[str]) -> None:
    texts, asked, sent = sifted(Reply.said(answer), evidence, drafted())
    assert texts == kept
    assert asked == 1
    assert evidence[1].reading in sent


def test_what_it_strikes_out_is_said_in_the_words_of_the_rule(evidence: list[Evidence]) -> None:
    with StubServer([Reply.said("1: no\n2: no")]) as server:
        settings = ModelSettings(name="openai/stub", api_base=server.url)
        draft, consulted = Judge(LanguageModel(settings)).sift(drafted(), evidence)
    assert consulted is not None
    assert consulted.purpose == "judge"
    gated = repair(draft, evidence)
    assert {s.text for _, s in gated.draft} == {item.reading for item in evidence}


def test_rules_are_not_judged(evidence: list[Evidence]) -> None:
    draft = compose(evidence)
    texts, asked, _ = sifted(Reply.said("1: no"), evidence, draft)
    assert asked == 0
    assert texts == [sentence.text for _, sentence in draft]


def test_a_model_in_trouble_strikes_nothing_out(evidence: list[Evidence]) -> None:
    texts, _, _ = sifted(Reply.said(""), evidence, drafted())
    assert texts == [WORDED.text, SIZED.text]
