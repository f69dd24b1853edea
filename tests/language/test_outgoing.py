"""What a person types goes out without anything that could be somebody's."""

from __future__ import annotations

import re
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.knowledge import everyday_words
from cxr_agent.language import masked
from cxr_agent.language.outgoing import HIDDEN

DEV = Path(__file__).parents[1] / "questions" / "dev.toml"

NAMES = (
    "John Smith",
    "Jane Doe",
    "Müller",
    "García López",
    "Nguyễn Văn An",
    "Wang Xiaoming",
    "Fatima Al-Zahra",
    "Priya Ramanathan",
    "Oluwaseun Adeyemi",
    "Björk Guðmundsdóttir",
    "Giovanni Rossi",
    "Dmitri Ivanov",
    "Sato Haruki",
    "Kowalski",
    "O'Connor",
    "McDonald",
    "Van der Berg",
    "Papadopoulos",
    "Hernández",
    "Schmidt",
    "Dubois",
    "Andersson",
    "Yilmaz",
    "Kim Min-jun",
    "Cohen",
)
FRAMES = (
    "is the heart of {} enlarged?",
    "pt {} has cough, any pneumonia",
    "{}: effusion?",
    "show the film of patient {}",
    "Compare {} with the prior",
)
IDENTIFIERS = (
    "MRN 12345678", "12345678", "4711-22", "01/02/1960", "1960-02-01", "2 Feb 1960", "19600201",
    "1.2.840.113619.2.55.3", "/home/doe/film.dcm", "C:\\films\\a.png", "~/films/b.png",
    "jane@example.org", "+1 555 010 0100", "https://pacs.example/doe", "67-year-old", "67 yo",
    "67 y/o", "born 1957", "Doe^Jane", "DOE^JANE^^MS", "AKIAIOSFODNN7EXAMPLE", "0xdeadbeef",
    "d3b07384d113edec49eaa6238ad5ff00", "ＪＯＨＮ", "jоhn", "j\u200bohn", "Dr. Brown", "Mr White",
    "Mrs. Black", "film_of_jane.dcm", "room 1204", "NHS 943 476 5919", "SSN 078-05-1120",
    "accession A1234567",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_stay_here_wherever_they_stand(name: str) -> None:
    for frame in FRAMES:
        for form in (name, name.lower(), name.upper()):
            sent = masked(frame.format(form)).text
            assert form not in sent
            for word in re.findall(r"\w{3,}", form):
                assert word not in re.findall(r"\w+", sent), (frame, form)


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_identifiers_stay_here(identifier: str) -> None:
    for frame in FRAMES:
        sent = masked(frame.format(identifier)).text
        assert identifier not in sent
        assert not re.search(r"\d{4}", sent)
        assert HIDDEN in sent
        kept = set(re.findall(r"\w{3,}", sent)) - set(re.findall(r"\w+", frame))
        assert kept <= everyday_words() | {"hidden", "NHS", "Feb"}, (frame, kept)


def test_questions_keep_their_meaning() -> None:
    texts = [one["text"] for one in tomllib.loads(DEV.read_text())["question"]]
    words = sum(len(text.split()) for text in texts)
    hidden = sum(masked(text).hidden for text in texts)
    assert hidden / words < 0.03, hidden / words


@pytest.mark.parametrize(
    "text",
    [
        "Is the heart enlarged?",
        "How wide is it in mm, 0.55 or 55%?",
        "Explain e12 on img-1 and prior-2 [s4]",
        "I think the CTR is above 0.5; isn't it?",
        "Show me the RLL",
    ],
)
def test_plain_questions_go_out_as_they_are(text: str) -> None:
    assert masked(text).text == text
    assert masked(text).hidden == 0


def test_a_name_that_is_a_word_is_hidden_inside_a_sentence_and_after_a_title() -> None:
    assert masked("the film of White shows").text == "the film of [hidden] shows"
    assert masked("ask dr white about it").text == "ask dr [hidden] about it"


@given(st.text(max_size=300))
def test_any_text_gives_known_words_alone(text: str) -> None:
    sent = masked(text).text
    known = everyday_words() | {"img", "prior", "mm", "cm", "deg"}
    for piece in sent.split():
        letters = set(re.findall(r"[^\W\d_]{2,}", piece.lower()))
        assert piece == HIDDEN or letters <= known, piece
    assert masked(sent).text == sent


def test_a_long_text_is_cut_and_quick() -> None:
    began = time.monotonic()
    sent = masked("heart " * 200_000).text
    assert time.monotonic() - began < 1
    assert len(sent) <= 2_000
