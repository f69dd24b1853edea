"""Sections and sentences: every character that is not white space is in exactly one of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.errors import UsageError
from cxr_agent.prose import passages_of, sentence_spans
from cxr_agent.prose.structure import MOST_TEXT, structure


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two.", ["One.", "Two."]),
        ("Ratio 0.56 of 1. Next.", ["Ratio 0.56 of 1.", "Next."]),
        ("1. First. 2. Second.", ["1. First.", "2. Second."]),
        ("Seen by Dr. Roe. Next?", ["Seen by Dr. Roe.", "Next?"]),
        ("a\n\nb", ["a", "b"]),
        ("- a\n- b", ["- a", "- b"]),
        ("All clear.There is none.", ["All clear.", "There is none."]),
        ("Fine.. .", ["Fine.. ."]),
        ("  ", []),
    ],
)  # fmt: skip
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_sections_by_their_titles() -> None:
    text = "CHEST PA\nFINDINGS: Clear.\nImpression:\nNormal.\nCLINICAL HISTORY\ncough"
    assert [p.section for p in passages_of(text)] == [
        "unlabelled",
        "findings",
        "impression",
        "history",
    ]


TITLED = st.lists(
    st.one_of(
        st.text(max_size=60),
        st.sampled_from(("FINDINGS:", "Impression:", "No effusion.", "1. ", "\n", "\n\n", "- ")),
    ),
    max_size=12,
).map("\n".join)


@settings(max_examples=200, deadline=None)
@given(TITLED)
def test_nothing_is_lost_and_nothing_is_doubled(text: str) -> None:
    found = structure(text)
    counts = [0] * len(text)
    for sentence in found.sentences:
        assert text[sentence.start : sentence.end] == sentence.text
        for place in range(sentence.start, sentence.end):
            counts[place] += 1
    assert max(counts, default=0) <= 1
    missed = "".join(c for c, n in zip(text, counts, strict=True) if not n and not c.isspace())
    assert missed == "".join("".join(title.split()) for title in found.titles)


def test_a_text_that_is_no_report_is_refused() -> None:
    with pytest.raises(UsageError, match="200,001"):
        structure("x" * (MOST_TEXT + 1))
