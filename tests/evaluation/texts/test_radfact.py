"""Entailment of phrases, and the scores that are made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from cxr_agent.evaluation.texts.entailment import Entailment, ModelEntailer, RuleEntailer
from cxr_agent.evaluation.texts.phrases import Phrase, phrases_of
from cxr_agent.evaluation.texts.radfact import corpus, radfact
from cxr_agent.language import LanguageModel, ModelSettings
from cxr_agent.testing.stub_server import Reply, StubServer

# The worked example of RadFact's own test (tests/metric/test_radfact.py at 72463ac).
CAT, DOG, FAR = (0.1, 0.1, 0.2, 0.2), (0.3, 0.3, 0.4, 0.4), (0.5, 0.5, 0.6, 0.6)
CANDIDATE = (
    Phrase("The cat", (CAT,)),
    Phrase("The dog", (DOG, FAR)),
    Phrase("The bird"),
    Phrase("The rabbit"),
)
REFERENCE = (
    Phrase("The cat", (CAT,)),
    Phrase("The dog", (DOG,)),
    Phrase("The bird", (FAR,)),
    Phrase("The shark"),
)


def test_radfacts_own_example() -> None:
    score = radfact(REFERENCE, CANDIDATE, RuleEntailer())  # no rule reads these: by their words
    wanted = {
        "logical_precision": 0.75,
        "logical_recall": 0.75,
        "logical_f1": 0.75,
        "spatial_precision": 0.5,
        "spatial_recall": 2 / 3,
        "spatial_f1": 0.5714285714285715,
        "grounding_precision": 0.5,
        "grounding_recall": 2 / 3,
        "grounding_f1": 0.5714285714285715,
    }
    assert score.values() == pytest.approx(wanted)
    assert corpus([score, score]) == pytest.approx(wanted)
    assert score.candidate.phrases[1].boxes_entailed is False
    assert score.candidate.phrases[1].evidence == ("The dog",)


class Told:
    """An entailer whose answers are written down."""

    name = "told"

    def __init__(self, answers: dict[str, Entailment]) -> None:
        self.answers = answers

    def entail(
        self, phrases: Sequence[Phrase], premises: Sequence[Phrase]
    ) -> tuple[Entailment, ...]:
        return tuple(self.answers[phrase.text] for phrase in phrases)


def test_radfacts_example_of_one_direction() -> None:
    """3 of 5 entailed; 1 of 2 entailed ones with boxes; 1 of 3 with boxes."""
    premises = (Phrase("evidence", (CAT,)),)
    phrases = (
        Phrase("no boxes"),
        Phrase("right box", (CAT,)),
        Phrase("wrong box", (DOG,)),
        Phrase("false"),
        Phrase("false with box", (CAT,)),
    )
    yes, no = Entailment(True, (0,)), Entailment(False)
    answers = dict(zip((one.text for one in phrases), (yes, yes, yes, no, no), strict=True))
    way = radfact(premises, phrases, Told({**answers, "evidence": no})).candidate
    assert (way.logical, way.grounding, way.spatial) == pytest.approx((3 / 5, 1 / 2, 1 / 3))


def test_what_there_is_nothing_of_is_none() -> None:
    empty = radfact((), (Phrase("The cat"),), RuleEntailer()).values()
    assert empty["logical_precision"] == 0.0
    assert {empty[name] for name in ("logical_recall", "logical_f1", "spatial_f1")} == {None}
    both = corpus([radfact(REFERENCE, CANDIDATE, RuleEntailer()), radfact((), (), RuleEntailer())])
    assert both["logical_precision"] == 0.75


@pytest.mark.parametrize(
    ("premise", "phrase", "entailed"),
    [
        ("Small left effusion.", "Left effusion.", True),
        ("Left effusion.", "Small left effusion.", False),
        ("Left effusion.", "Right effusion.", False),
        ("Bilateral effusions.", "Left effusion.", True),
        ("Left effusion.", "Bilateral effusions.", False),
        ("Left effusion.", "No effusion.", False),
        ("No effusion.", "No left effusion.", True),
        ("No left effusion.", "No effusion.", False),
        ("No large effusion.", "No effusion.", False),
        ("Possible pneumonia.", "Pneumonia.", False),
        ("Left lower lobe consolidation.", "Left opacity.", True),
        ("Left opacity.", "Left consolidation.", False),
        ("Left effusion, increased.", "Left effusion.", True),
        ("Left effusion.", "Left effusion, increased.", False),
        ("The heart is not enlarged.", "Heart size is normal.", True),
        ("The cardiomediastinal silhouette is normal.", "The heart is normal.", True),
        ("The heart is normal.", "The cardiomediastinal silhouette is normal.", False),
        ("The lungs are clear.", "The left lung is clear.", True),
        ("The left lung is clear.", "The lungs are clear.", False),
        ("The lungs are clear.", "No consolidation.", True),
        ("Florp is seen.", "florp is seen", True),
        ("Florp is seen.", "Glorp is seen.", False),
    ],
)
def test_the_rule(premise: str, phrase: str, entailed: bool) -> None:
    found = RuleEntailer().entail([Phrase(phrase)], [Phrase("Scoliosis."), Phrase(premise)])
    assert found == (Entailment(entailed, (1,) if entailed else ()),)


def test_a_whole_may_rest_on_its_parts() -> None:
    premises = [Phrase("The heart is normal."), Phrase("The mediastinum is normal.")]
    found = RuleEntailer().entail([Phrase("Normal cardiomediastinal silhouette.")], premises)
    assert found == (Entailment(True, (0, 1)),)


def test_a_text_becomes_phrases_of_one_finding() -> None:
    text = (
        "FINDINGS: Small left effusion and right basilar atelectasis. No pneumothorax. Florp. "
        "Recommend CT.\nIMPRESSION: Left effusion."
    )
    assert [one.text for one in phrases_of(text)] == [
        "mild left pleural effusion",
        "right atelectasis in lower zone",
        "no pneumothorax",
        "Florp.",
    ]


# A model as entailer.


def asked(answer: object, phrases: Sequence[Phrase]) -> tuple[Entailment, ...]:
    with StubServer([Reply.said(json.dumps(answer))]) as server:
        model = LanguageModel(ModelSettings(name="openai/stub", api_base=server.url, seconds=20))
        found = ModelEntailer(model).entail(phrases, REFERENCE)
        sent = json.loads(server.requests[0].body["messages"][1]["content"])
        assert [one["text"] for one in sent["phrases"]] == [one.text for one in phrases]
        return found


def test_a_models_answer_is_believed_as_far_as_it_is_whole() -> None:
    answer = {
        "phrases": [
            {"number": 1, "entailed": True, "evidence": [1]},
            {"number": 2, "entailed": True, "evidence": []},
            {"number": 3, "entailed": True, "evidence": [9]},
            {"number": 7, "entailed": True, "evidence": [1]},
        ]
    }
    lost = Entailment(False, judged=False)
    assert asked(answer, CANDIDATE) == (Entailment(True, (0,)), lost, lost, lost)
    assert asked({"phrases": "all of them"}, CANDIDATE) == (lost,) * 4


def test_without_premises_nothing_is_asked() -> None:
    model = LanguageModel(ModelSettings(name="openai/stub", api_base="http://127.0.0.1:9/v1"))
    assert ModelEntailer(model).entail(CANDIDATE, ()) == (Entailment(False),) * 4
