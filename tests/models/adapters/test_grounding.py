"""MAIRA-2's tokens to sentences with boxes in film pixels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.models.adapters.grounding import GroundedSentence, parse
from cxr_agent.models.adapters.pixels import Frame, Recipe

WHOLE = Frame((200, 200), (0.5, 0.5), (0.0, 0.0))
"""A film of 200 x 200 seen at 100 x 100: a bin is two film pixels."""


def test_sentences_with_and_without_boxes() -> None:
    found = parse(
        "<obj>There is a nodule.<box><x10><y20><x30><y40></box></obj> "
        "<obj>Opacities.<box><x1><y2><x3><y4></box><box><x50><y60><x70><y80></box></obj>"
        "<obj>No effusion.</obj>",
        WHOLE,
        100,
    )
    assert found.sentences == (
        GroundedSentence("There is a nodule.", ((21, 41, 61, 81),)),
        GroundedSentence("Opacities.", ((3, 5, 7, 9), (101, 121, 141, 161))),
        GroundedSentence("No effusion.", ()),
    )
    assert not found.malformed


def test_plain_text_is_one_sentence() -> None:
    found = parse("The lungs are clear.", WHOLE, 100)
    assert found.sentences == (GroundedSentence("The lungs are clear.", ()),)
    assert not found.malformed
    assert parse("", WHOLE, 100).sentences == ()


@pytest.mark.parametrize("shape", [(300, 200), (200, 300)])
def test_boxes_come_back_from_the_crop_at_the_centre(shape: tuple[int, int]) -> None:
    import numpy as np

    recipe = Recipe("shortest", (100, 100), crop=(100, 100))
    _, frame = recipe.prepare(np.zeros(shape, dtype=np.uint8))
    (sentence,) = parse("<obj>x<box><x0><y0><x99><y99></box></obj>", frame, 100).sentences
    left, top, right, bottom = sentence.boxes[0]
    down, across = (shape[0] - 200) // 2, (shape[1] - 200) // 2
    assert (left, top) == (across + 1, down + 1)
    assert (right, bottom) == (across + 199, down + 199)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<obj>cut off", ["cut off"]),
        ("<obj>a<box><x1><y2><x3></box></obj>", ["a"]),
        ("<obj>a<box><x1><y2><x3><y200></box></obj>", ["a"]),
        ("<obj>a<box><x9><y2><x3><y4></box></obj>", ["a"]),
        ("before <obj>a</obj> after", ["before", "a", "after"]),
        ("<obj></obj>", []),
        ("<box><x1><y2><x3><y4></box>", []),
        ("</obj>a", ["a"]),
    ],
)
def test_what_is_not_in_the_form_is_said_and_its_words_kept(text: str, words: list[str]) -> None:
    found = parse(text, WHOLE, 100)
    assert found.malformed
    assert [sentence.text for sentence in found.sentences] == words
    assert all(not sentence.boxes for sentence in found.sentences)


_PIECES = st.sampled_from(
    ["<obj>", "</obj>", "<box>", "</box>", "<x5>", "<y7>", "<x120>", "<x80>", "<y90>", " a", "\n"]
)


@given(
    st.lists(_PIECES, max_size=30),
    st.tuples(st.integers(16, 400), st.integers(16, 400)),
)
def test_any_text_is_parsed_and_every_box_is_on_the_film(
    pieces: list[str], shape: tuple[int, int]
) -> None:
    scale = 100 / min(shape)
    offset = ((shape[1] - min(shape)) / 2, (shape[0] - min(shape)) / 2)
    found = parse("".join(pieces), Frame(shape, (scale, scale), offset), 100)
    for sentence in found.sentences:
        assert sentence.text
        assert "<" not in sentence.text
        for left, top, right, bottom in sentence.boxes:
            assert 0 <= left < right <= shape[1]
            assert 0 <= top < bottom <= shape[0]
    assert "".join(pieces).count("a") == sum(s.text.count("a") for s in found.sentences)
