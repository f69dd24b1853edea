"""German reports: the same numbers, sides, denials and doubts; a language is data alone."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Polarity
from cxr_agent.knowledge import ENGLISH, language, languages, names, reasons, sentences
from cxr_agent.report.model import Report
from cxr_agent.report.translate import in_language, same_claims
from cxr_agent.toolbox.reading import reading_of
from tests.builders import Maker
from tests.observations import everything, ratio, silhouette

from .conftest import Sample

OTHERS = [code for code in languages() if code != ENGLISH]


def test_english_and_german_ship() -> None:
    assert languages() == ("en", "de")


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_has_words_for_everything(code: str) -> None:
    assert reasons(code).keys() == reasons().keys()
    assert names(code).keys() == names().keys()
    own, english = language(code), language()
    for group in ("phrase", "side", "unit", "certainty", "title", "heading", "text", "label"):
        assert getattr(own, group).keys() == getattr(english, group).keys(), group
    for group in ("statement", "status", "view", "form", "cue"):
        assert getattr(own, group).keys() == getattr(english, group).keys(), group
    genders = {name.gender for name in names(code).values()}
    assert genders - {"any"} <= own.no.keys()  # "any" has what a plug-in of another test brought


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("code", OTHERS)
def test_every_template_has_its_twin_with_the_same_fields(code: str) -> None:
    for about, wording in sentences().items():
        own = sentences(code)[about]
        assert own.decimals == wording.decimals
        assert own.variants.keys() == wording.variants.keys(), about
        for variant, template in wording.variants.items():
            free = {"name", "noun", "no"}  # a language may put the name where it likes
            assert fields(own.variants[variant]) - free == fields(template) - free, (about, variant)


@pytest.mark.parametrize("code", OTHERS)
def test_every_sentence_says_the_same(code: str) -> None:
    make = Maker()
    for observation in everything():
        item = make(observation)
        told = reading_of(item, make.basis_of(observation), code)
        assert same_claims(item.reading, told, language(code)), f"{item.reading} / {told}"


@settings(max_examples=60, deadline=None)
@given(value=st.floats(0.3, 0.95), half=st.floats(0.001, 0.1))
def test_every_number_is_the_same(value: float, half: float) -> None:
    interval = (max(0.0, value - half), min(1.0, value + half))
    for observation in (ratio(value, interval), silhouette(Polarity.UNCERTAIN, "ap", value, half)):
        told = reading_of(observation, (), "de")
        assert same_claims(reading_of(observation), told, language("de"))
        assert re.search(r"\d,\d", told)
        assert not re.search(r"\d\.\d", told)


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("Ratio 0.47.", "Quotient 0,74."),
        ("Effusion on the right.", "Erguss links."),
        ("No effusion.", "Erguss."),
        ("Effusion.", "Kein Erguss."),
        ("Possibly a child.", "Ein Kind."),
        ("Effusion probable.", "Erguss unwahrscheinlich."),
        ("On img-1: ratio 0.47.", "Auf img-2: Quotient 0,47."),
    ],
)
def test_what_says_something_else_is_noticed(english: str, german: str) -> None:
    assert not same_claims(english, german, language("de"))


def test_a_whole_report(sample: Sample) -> None:
    german = in_language(sample.report, "de")
    assert german.language == "de"
    assert german.notice.startswith("Nur für die Forschung")
    assert len(german.evidence) == len(sample.report.evidence)
    assert {s.evidence for s in german.impression} <= {
        (one,) for s in sample.report.impression for one in s.evidence
    } | {s.evidence for s in sample.report.impression}
    assert in_language(sample.report, "en") is sample.report
    assert Report.model_validate_json(german.model_dump_json()) == german


def test_an_unknown_language_is_refused(sample: Sample) -> None:
    with pytest.raises(UsageError, match="no words"):
        in_language(sample.report, "xx")
