"""Reports of other languages: the model answers in numbers and codes, or its answer is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.evidence import Polarity
from cxr_agent.language import LanguageModel, ModelSettings
from cxr_agent.models.adapters.labels import LabelScore
from cxr_agent.structuring import ByClassifier, ByModel, ByRule, ToldReport, structure_by_model
from cxr_agent.structuring.by_model import sentences_of
from cxr_agent.testing.stub_server import Reply, StubServer

ITALIAN = (
    "Versamento pleurico sinistro, invariato. Non pneumotorace.\nConclusioni: cuore ingrandito?"
)
CLAIMS: list[dict[str, Any]] = [
    {
        "n": 1,
        "section": "findings",
        "heading": "Pleura",
        "findings": [
            {
                "code": "pleural_effusion",
                "status": "positive",
                "side": "left",
                "change": "no_change",
            }
        ],
    },
    {
        "n": 2,
        "section": "findings",
        "heading": "Pleura",
        "findings": [{"code": "pneumothorax", "status": "negative"}],
    },
    {
        "n": 3,
        "section": "impression",
        "heading": "Cardiovascular",
        "findings": [{"code": "cardiomegaly", "status": "positive", "certainty": "tentative"}],
    },
]


def answer(claims: list[dict[str, Any]] = CLAIMS) -> Reply:
    return Reply.said(f"```json\n{json.dumps({'sentences': claims})}\n```")


def told(*script: Reply) -> tuple[ToldReport, list[Any]]:
    with StubServer(script) as server:
        model = LanguageModel(ModelSettings(name="openai/stub", api_base=server.url))
        return structure_by_model(ITALIAN, model), server.requests


def test_each_sentence_is_there_once_in_the_reports_own_words() -> None:
    report, requests = told(answer())
    assert [one.text for one in report.sentences] == [
        "Versamento pleurico sinistro, invariato.",
        "Non pneumotorace.",
        "Conclusioni: cuore ingrandito?",
    ]
    assert [ITALIAN[one.start : one.end] for one in report.sentences] == [
        one.text for one in report.sentences
    ]
    assert [one.heading for one in report.sentences] == ["Pleura", "Pleura", None]
    assert (report.repaired, len(requests)) == (False, 1)
    system = requests[0].body["messages"][0]["content"]
    assert '"pleural_effusion"' in system
    assert "{codes}" not in system


WRONG = [
    Reply.said("I cannot do that."),
    Reply.said("{"),
    answer(CLAIMS[:2]),
    answer([CLAIMS[1], CLAIMS[0], CLAIMS[2]]),
    answer([{**CLAIMS[0], "section": "opinion"}, *CLAIMS[1:]]),
    answer([{**CLAIMS[0], "findings": [{"code": "gout", "status": "positive"}]}, *CLAIMS[1:]]),
    answer([{**CLAIMS[0], "text": "Large effusion."}, *CLAIMS[1:]]),
]


@pytest.mark.parametrize("first", WRONG)
def test_what_is_out_of_form_is_asked_for_once_more(first: Reply) -> None:
    report, requests = told(first, answer())
    assert (report.repaired, len(requests)) == (True, 2)
    assert requests[1].body["messages"][-1]["content"].startswith("This is out of form")


def test_out_of_form_twice_is_an_error_that_quotes_nothing() -> None:
    with pytest.raises(ModelError) as caught:
        told(Reply.said("Mrs Doe has an effusion."))
    assert caught.value.code == "bad_structure"
    assert "Doe" not in str(caught.value)
    with pytest.raises(ModelError) as refused:
        told(Reply.error(401))
    assert refused.value.code == "model_key"


def test_labels_by_a_model_by_rule_and_by_a_classifier() -> None:
    wanted = {
        "pleural_effusion": Polarity.PRESENT,
        "pneumothorax": Polarity.ABSENT,
        "cardiomegaly": Polarity.UNCERTAIN,
    }
    with StubServer([answer()]) as server:
        model = LanguageModel(ModelSettings(name="openai/stub", api_base=server.url))
        assert ByModel(model).label(ITALIAN) == wanted
    english = "Left pleural effusion, unchanged. No pneumothorax. Possible cardiomegaly."
    assert ByRule().label(english) == wanted
    scores = (
        LabelScore("Pleural effusion", "pleural_effusion", 0.9),
        LabelScore("Cardiomegaly", "cardiomegaly", 0.4),
        LabelScore("Pneumothorax", "pneumothorax", 0.1),
        LabelScore("Mosaic attenuation pattern", None, 0.9),
    )

    class Scores:
        def score(self, texts: list[str]) -> list[tuple[LabelScore, ...]]:
            return [scores for _ in texts]

    given: Any = Scores()
    limits = {"cardiomegaly": (0.3, 0.6)}
    assert ByClassifier(given, "stub", limits).label("胸水") == wanted


def test_japanese_and_german_sentences() -> None:
    text = "右胸水あり。気胸なし。心拡大?\nHerz vergrößert! Kein Erguss."
    assert [text[start:end] for start, end in sentences_of(text)] == [
        "右胸水あり。",
        "気胸なし。",
        "心拡大?",
        "Herz vergrößert!",
        "Kein Erguss.",
    ]


@given(st.text(alphabet="ab .!?。\n", max_size=60))
@settings(max_examples=50, deadline=None)
def test_no_word_is_lost(text: str) -> None:
    try:
        spans = sentences_of(text)
    except UsageError:
        assert not set(text) & set("ab")
        return
    kept = "".join(text[start:end] for start, end in spans)
    assert [c for c in kept if c in "ab"] == [c for c in text if c in "ab"]
    assert list(spans) == sorted(spans)
