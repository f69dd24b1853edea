"""Phrases in a text: looked for by their first word, and found as if all were looked for."""

from __future__ import annotations

import pytest

from cxr_agent.knowledge import report_lexicon
from cxr_agent.prose.phrases import Beginnings, mentions, table_of

PHRASES = tuple(
    (code, words.phrases)
    for group in (report_lexicon().finding, report_lexicon().anatomy, report_lexicon().measurement)
    for code, words in group.items()
)


@pytest.mark.parametrize("ending", ["", "s", "es"])
@pytest.mark.parametrize("around", ["{}", "the {}, too.", "({})", "un-{} x"])
def test_every_phrase_is_found(around: str, ending: str) -> None:
    every = table_of(PHRASES)
    for code, phrases in PHRASES:
        for phrase in phrases:
            said = around.format(phrase.replace("~", "very much") + ending)
            alone = mentions(said, table_of(((code, (phrase,)),)))
            assert alone, said
            # The longer of two that overlap is kept, so something covers each of its words.
            found = mentions(said, every)
            assert any(one.overlaps(alone[0]) for one in found), said


def test_a_word_that_only_begins_alike_is_another() -> None:
    table = table_of((("mass", ("mass",)), ("ct", ("ct angiography",))))
    assert mentions("massive ct", table) == []
    assert [one.code for one in mentions("masses; ct-angiography", table)] == ["mass", "ct"]


def test_nothing_to_look_for() -> None:
    assert mentions("mass", table_of(())) == []
    assert mentions("mass", table_of((("empty", ()),))) == []
    assert mentions("", table_of((("mass", ("mass",)),))) == []


def test_sets_of_phrases_are_told_by_their_first_words_and_in_their_order() -> None:
    beginnings = Beginnings([["heart size", "cardiac"], [], ["(?)"], ["heart-lung", "mass"]])
    assert beginnings.places("") == [2]  # without a word there is nothing to go by
    assert beginnings.places("masses of the heart") == [0, 2, 3]
