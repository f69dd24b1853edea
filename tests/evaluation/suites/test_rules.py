"""Answers by rule: an option or a few words where evidence speaks for them, and nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.evaluation.suites.by_evidence import answer, choose
from cxr_agent.evaluation.suites.by_text import RELATIONS, choose_by_text
from cxr_agent.evaluation.suites.facts import Fact, polarity_of
from cxr_agent.evaluation.suites.grounding import (
    point,
    random_box,
    rescaled,
    standard_places,
    united_iou,
)
from cxr_agent.evaluation.suites.question import Question, limited, shown
from cxr_agent.evaluation.suites.replies import option_in, words_in
from cxr_agent.evaluation.suites.text_scores import exact_match, macro_f1, token_f1
from cxr_agent.evaluation.suites.without_film import at_random, by_words
from cxr_agent.evidence import Evidence, EvidenceKind, Location, Polarity, Provenance, Side, Unit

PRESENT, ABSENT, UNCERTAIN = Polarity.PRESENT, Polarity.ABSENT, Polarity.UNCERTAIN


def stated(code: str, polarity: Polarity | None = PRESENT, **rest: object) -> Evidence:
    kind = EvidenceKind.FINDING if polarity is not None else EvidenceKind.MEASUREMENT
    return Evidence.model_validate(
        {
            "kind": kind,
            "code": code,
            "polarity": polarity,
            "id": "e1",
            "image": "img-1",
            "reading": "",
            "provenance": Provenance(step=1, tool="t", tool_version="1", image_sha256="0" * 64),
            **rest,
        }
    )


EFFUSION = stated("pleural_effusion", side=Side.RIGHT)
NO_AIR = stated("pneumothorax", ABSENT)
RATIO = stated("cardiothoracic_ratio", None, value=0.56, unit=Unit.RATIO)
SEEN = [EFFUSION, NO_AIR, RATIO, stated("pneumonia", UNCERTAIN)]


@pytest.mark.parametrize(
    ("text", "options", "chosen", "why"),
    [
        ("Is there a pleural effusion?", "Yes|No", 0, "yes_no"),
        ("Is there a pneumothorax?", "Yes|No|Cannot be determined", 1, "yes_no"),
        ("Is there pneumonia?", "No|Yes", None, "not_known"),
        ("Is there a fracture?", "No|Yes", None, "not_known"),
        ("Is there an effusion or a pneumothorax?", "No|Yes", None, "not_understood"),
        ("Is there no pneumothorax, without doubt?", "No|Yes", None, "not_understood"),
        ("Is there a pleural effusion on the left?", "Yes|No", None, "not_known"),
        ("Which side is the pleural effusion on?", "Left|Right|Bilateral", 1, "side"),
        ("Which side is the pneumothorax on?", "Left|Right", None, "not_known"),
        ("What is the cardiothoracic ratio?", "0.40 - 0.50|0.55 - 0.60|0.7 - 0.8", 1, "range"),
        ("What is the cardiothoracic ratio?", "0.40 - 0.60|0.55 - 0.60", None, "several"),
        ("Which is present?", "Pneumothorax|Right pleural effusion|Fracture", 1, "borne_out"),
        ("Which is present?", "Pneumothorax|Left pleural effusion", 1, "left_over"),
        ("Which is present?", "Pneumonia|Fracture", None, "not_known"),
        ("Which finding is not seen?", "Pneumothorax|Pleural effusion|Hat", 0, "borne_out"),
        ("Which is true?", "No pneumothorax|Pleural effusion", None, "several"),
        ("Which is true?", "A hat|A stick", None, "not_understood"),
        ("Which is true?", "Pneumothorax with pleural effusion|Pneumothorax", None, "not_known"),
    ],
)
def test_an_option_is_chosen_by_evidence(
    text: str, options: str, chosen: int | None, why: str
) -> None:
    found = choose(text, options.split("|"), SEEN)
    assert (found.chosen, found.why) == (chosen, why)


def test_what_is_normal_is_asked_the_other_way_round() -> None:
    big = [stated("cardiomegaly")]
    assert choose("Is the heart size normal?", ["yes", "no"], big).chosen == 1
    assert choose("Is the heart enlarged?", ["yes", "no"], big).chosen == 0


def test_the_projection_is_what_evidence_says() -> None:
    view = stated(
        "projection", None, kind=EvidenceKind.QUALITY, category="pa", value=None, unit=None
    )
    assert choose("Which projection is it?", ["AP view", "PA view"], [view]).chosen == 1
    assert choose("Which projection is it?", ["AP view", "PA view"], []).chosen is None
    assert answer("Is this an AP or PA film?", [view])[0] == "PA"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("What modality is used to take this image?", "X-ray"),
        ("Is there a pleural effusion?", "yes"),
        ("Is there a fracture?", None),
        ("Which side is the pleural effusion on?", "right"),
        ("What is the cardiothoracic ratio?", "0.56"),
        ("What are the findings?", "pleural effusion"),
        ("Who won the match?", None),
    ],
)
def test_a_few_words(text: str, said: str | None) -> None:
    assert answer(text, SEEN)[0] == said


@given(st.text(max_size=80), st.lists(st.text(max_size=40), min_size=2, max_size=5, unique=True))
def test_any_question_has_an_option_or_none(text: str, options: list[str]) -> None:
    found = choose(text, options, SEEN)
    assert found.chosen is None or 0 <= found.chosen < len(options)


def test_facts_that_disagree_tell_nothing() -> None:
    both = [Fact("fracture", PRESENT), Fact("fracture", ABSENT)]
    assert polarity_of("fracture", both) is None
    sides = [Fact("fracture", PRESENT, Side.RIGHT), Fact("fracture", ABSENT, Side.LEFT)]
    assert polarity_of("fracture", sides) is PRESENT
    assert polarity_of("fracture", sides, Side.LEFT) is ABSENT
    assert polarity_of("fracture", sides, Side.BILATERAL) is None


@pytest.mark.parametrize(
    ("hypothesis", "relation"),
    [
        ("There is a pleural effusion.", "entailment"),
        ("There is a pneumothorax.", "contradiction"),
        ("There is consolidation.", "neutral"),
        ("The patient plays the violin.", None),
    ],
)
def test_entailment_by_claims(hypothesis: str, relation: str | None) -> None:
    premise = "There is a small right pleural effusion and no pneumothorax."
    question = Question("q", "g", hypothesis, "neutral", RELATIONS, context=premise)
    chosen, _ = choose_by_text(question, RELATIONS)
    assert (None if chosen is None else RELATIONS[chosen]) == relation


def many(count: int, options: tuple[str, ...] = ("a", "b", "c", "d")) -> list[Question]:
    return [Question(f"q{n}", f"g{n}", "Which?", options[0], options) for n in range(count)]


def test_options_are_shuffled_alike_and_evenly() -> None:
    places = Counter(shown(one, seed=3).right for one in many(400))
    assert set(places) == {0, 1, 2, 3}
    assert min(places.values()) > 60
    one = many(1)[0]
    assert shown(one, 3) == shown(one, 3)
    assert {shown(one, seed).options for seed in range(30)} > {one.options}
    assert all(sorted(shown(q, 1).options) == list("abcd") for q in many(20))


def test_labels_and_what_speaks_of_others_stay_in_place() -> None:
    last = many(20, ("All of the above.", "b", "c"))
    assert {shown(one, 0).options[-1] for one in last} == {"All of the above."}
    labels = Question("q", "g", "?", "x", ("y", "x"), ordered=True)
    assert [shown(labels, seed).options for seed in range(9)] == [("y", "x")] * 9


def test_a_limit_draws_the_same_questions() -> None:
    chosen = limited(many(50), 7, seed=1)
    assert len(chosen) == 7
    assert [one.name for one in chosen] == [one.name for one in limited(many(50), 7, seed=1)]
    assert limited(many(50), 7, seed=2) != chosen
    assert len(limited(many(5), 7, seed=1)) == 5


def test_guesses_are_even_and_words_are_counted() -> None:
    guesses = Counter(at_random(one, shown(one, 0), seed=5) for one in many(400))
    assert min(guesses[place] for place in range(4)) > 60
    question = Question("q", "g", "The lamp in the hall?", "x", ("a shoe", "the lamp", "x"))
    options = shown(question, 0)
    assert options.options[by_words(question, options)] == "the lamp"


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ('{"answer": "B"}', 1),
        ('```json\n{"answer": "b"}\n```', 1),
        ('Thoughts {"answer": "A"} then {"answer": "C"}', 2),
        ('{"answer": "D"}', None),
        ('{"answer": "B", "tool": "x"}', None),
        ('{"answer": 1}', None),
        ("B", None),
        ("", None),
    ],
)
def test_only_the_closed_form_of_a_reply_is_taken(reply: str, place: int | None) -> None:
    chosen, why = option_in(reply, 3)
    assert chosen == place
    assert why == ("model" if place is not None else "off_schema")


def test_not_to_know_is_an_answer_of_its_own() -> None:
    assert option_in('{"answer": "unknown"}', 3) == (None, "not_known")
    assert words_in('{"answer": "Unknown"}') == (None, "not_known")
    assert words_in('{"answer": " left lung "}') == ("left lung", "model")


@given(st.text(max_size=200))
def test_any_reply_is_an_option_or_none(reply: str) -> None:
    chosen, _ = option_in(reply, 4)
    assert chosen in (None, 0, 1, 2, 3)


def test_words_are_compared_without_articles_and_points() -> None:
    assert exact_match("The X-ray.", "x ray")
    assert not exact_match("", "")
    assert token_f1("left lower lobe", "the lower lobe") == pytest.approx(0.8)
    assert token_f1("left", "right") == 0


def test_macro_f1_is_over_labels() -> None:
    pairs = [("a", "a"), ("a", "b"), ("b", "b"), ("b", None)]
    # a: hits 1, wrong 1 (missed); b: hits 1, wrong 2 (one false, one missed)
    assert macro_f1(pairs) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert macro_f1([]) is None


def test_a_phrase_points_to_the_place_that_it_names() -> None:
    shape = (1000, 1000)
    places = standard_places(shape)
    nothing = point("Left lower lobe consolidation", places, lambda _: None, shape)
    assert nothing.boxes == (places[Location.LEFT_LOWER_LUNG_ZONE],)
    assert nothing.why == "place"
    assert point("He wore a hat", places, lambda _: None, shape).why == "not_understood"
    assert point("Left lower lobe consolidation", {}, lambda _: None, shape).why == "not_located"


def test_a_map_points_within_the_places_of_the_phrase() -> None:
    import numpy as np

    heat = np.zeros((100, 100))
    heat[20:30, 20:30] = 1.0  # the right upper zone, on the left of the picture
    heat[70:76, 70:80] = 0.6
    shape = (1000, 1000)
    places = standard_places(shape)
    found = point("Left lower lobe consolidation", places, lambda _: heat, shape)
    assert found.boxes == ((700, 700, 800, 760),)
    assert found.why == "map"


def test_areas_are_united() -> None:
    shape = (100, 100)
    left, right = (0, 0, 50, 100), (50, 0, 100, 100)
    whole = (0, 0, 100, 100)
    assert united_iou([left, right], [whole], shape) == pytest.approx(1)
    assert united_iou([left], [whole], shape) == pytest.approx(0.5)
    assert united_iou([], [whole, left], shape) == 0
    assert rescaled([left], (100, 100), (200, 400)) == ((0, 0, 200, 200),)


@given(st.integers(), st.integers(40, 4000), st.integers(40, 4000))
def test_a_random_box_is_on_the_film(seed: int, rows: int, columns: int) -> None:
    left, top, right, bottom = random_box("x", seed, (rows, columns))
    assert 0 <= left < right <= columns
    assert 0 <= top < bottom <= rows


def test_a_case_hangs_on_its_content(tmp_path: Path) -> None:
    film = tmp_path / "a.png"
    film.write_bytes(b"one")
    question = Question("q", "g", "?", "a", ("a", "b"), (film,))
    before = question.case().content
    film.write_bytes(b"two and more")
    assert question.case().content != before
