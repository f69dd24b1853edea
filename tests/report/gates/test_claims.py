from __future__ import annotations

import pytest

from cxr_agent.knowledge import vocabulary
from cxr_agent.report.gates.claims import Number, read_claims


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("ratio 0.46, limit 0.50", [(0.46, 2, "", False), (0.50, 2, "", True)]),
        ("144 mm at 90 %", [(144, 0, "mm", False), (90, 0, "%", False)]),
        ("31 days", [(31, 0, "d", False)]),
        ("above the limit (0.50 PA, 0.55 AP)", [(0.50, 2, "", True), (0.55, 2, "", True)]),
        ("interval 0.44-0.48", [(0.44, 2, "", False), (0.48, 2, "", False)]),
        ("-3 degrees", [(-3, 0, "deg", False)]),
        (".9 and 0,9 and x1", [(0.9, 1, "", False), (0.9, 1, "", False), (1, 0, "", False)]),
        ("144 mmHg", [(144, 0, "", False)]),
        ("On img-12 and prior-3", []),
    ],
)
def test_numbers(text: str, numbers: list[tuple[float, int, str, bool]]) -> None:
    assert read_claims(text).numbers == tuple(Number(*number) for number in numbers)


def test_a_sentence_is_read_whole() -> None:
    claims = read_claims("On IMG-2: no new left pleural effusion, possibly twice the size.")
    assert claims.films == {"img-2"}
    assert claims.sides == {"left"}
    assert claims.terms == {"pleural_effusion"}
    assert claims.spelled == {"twice"}
    assert (claims.negations, claims.doubtful, claims.change) == (1, True, True)


@pytest.mark.parametrize("word", ["no", "not", "without", "isn't", "won’t", "cannot", "unlikely"])
def test_negations(word: str) -> None:
    assert read_claims(f"It is {word} enlarged").negations == 1


@pytest.mark.parametrize("word", ["noted", "nothing", "denotes", "another"])
def test_words_that_only_look_like_negations(word: str) -> None:
    assert read_claims(f"It is {word} enlarged").negations == 0


@pytest.mark.parametrize("around", ["{}", "({}, too", "non-{}/x"])
def test_every_word_of_a_term_is_a_claim(around: str) -> None:
    for code, term in vocabulary().items():
        if term.kind in ("finding", "measurement"):
            for word in term.words:
                assert code in read_claims(around.format(word)).terms, word


@pytest.mark.parametrize("between", [" ", ": ", "", " of the film, "])
def test_a_number_belongs_to_what_was_named_last_before_it(between: str) -> None:
    text = f"carinal angle 61 deg; cardiothoracic ratio{between}0.46, carinal angle"
    told = [number.measurement for number in read_claims(text).numbers]
    assert told == ["carina_angle", "cardiothoracic_ratio"]
