"""Phrases in a text: looked for by their first word, and found as if all were looked for."""

from __future__ import annotations

import pytest

from cxr_agent.knowledge import report_lexicon
from cxr_agent.prose.phrases import mentions, table_of

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


@pytest.mark.parametrize("phrase", ["(effusion)", "", "~ effusion"])
def test_a_phrase_begins_with_a_word(phrase: str) -> None:
    with pytest.raises(ValueError, match="begin"):
        table_of((("effusion", (phrase,)),))


def test_codes_are_told_in_their_order_and_each_place_once() -> None:
    table = table_of((("mass", ("mass", "masses seen")), ("heart", ("heart ~ large", "heart"))))
    found = table.found("heart, heart and large masses seen")
    assert [(one.code, one.start, one.end) for one in found] == [
        ("mass", 23, 34),
        ("heart", 0, 5),
        ("heart", 7, 12),
    ]
