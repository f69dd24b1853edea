"""What sentences claim: finding, polarity, certainty, side, place, degree, change, number."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.evidence import Change, Location, Polarity, Severity, Side
from cxr_agent.prose import Claim, read_sentence

P, A, U = Polarity.PRESENT, Polarity.ABSENT, Polarity.UNCERTAIN


def said(text: str) -> dict[str, Polarity]:
    return {c.code: c.polarity for c in read_sentence(text).claims if c.kind == "finding"}


def one(text: str, code: str) -> Claim:
    return next(claim for claim in read_sentence(text).claims if claim.code == code)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Pleural effusion.", {"pleural_effusion": P}),
        (
            "No pneumothorax, pleural effusion, or focal consolidation.",
            {"pneumothorax": A, "pleural_effusion": A, "consolidation": A},
        ),
        ("Pneumothorax is not seen.", {"pneumothorax": A}),
        ("The heart is not enlarged.", {"cardiomegaly": A}),
        ("No pneumothorax, small left effusion.", {"pneumothorax": A, "pleural_effusion": P}),
        ("No effusion but consolidation is seen.", {"pleural_effusion": A, "consolidation": P}),
        ("Left effusion, possible pneumonia.", {"pleural_effusion": P, "pneumonia": U}),
        ("Left effusion cannot be excluded.", {"pleural_effusion": U}),
        ("No change in the left effusion.", {"pleural_effusion": P}),
        ("No new infiltrates.", {"lung_opacity": A}),
        ("Pulmonary edema is unlikely.", {"pulmonary_edema": A}),
        ("Pulmonary edema less likely than not.", {"pulmonary_edema": A}),
        ("Findings consistent with pneumonia.", {"pneumonia": P}),
        (
            "Opacity in the right lower lobe may represent pneumonia or atelectasis.",
            {"lung_opacity": P, "pneumonia": U, "atelectasis": U},
        ),
        ("Clear of infiltrate or effusion.", {"lung_opacity": A, "pleural_effusion": A}),
        ("Cardiomegaly without edema.", {"cardiomegaly": P, "pulmonary_edema": A}),
        ("Low lung volumes, however lungs are clear without effusion, or pneumothorax.",
         {"low_lung_volumes": P, "pleural_effusion": A, "pneumothorax": A}),
        ("Recommend CT to exclude a mass.", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_polarity(text: str, expected: dict[str, Polarity]) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "level"),
    [
        ("Pneumonia.", "pneumonia", None),
        ("Probable pneumonia.", "pneumonia", "probable"),
        ("Pneumonia is very likely.", "pneumonia", "very_likely"),
        ("Pneumonia is less likely.", "pneumonia", "less_likely"),
        ("Suspicious for pneumonia.", "pneumonia", "probable"),
        ("Questionable nodule.", "lung_lesion", "possible"),
    ],
)
def test_certainty(text: str, code: str, level: str | None) -> None:
    assert one(text, code).level == level
    assert one(text, code).tentative is (level is not None)


@pytest.mark.parametrize(
    ("text", "code", "side", "places"),
    [
        ("Left pleural effusion.", "pleural_effusion", Side.LEFT, []),
        ("Effusions on both sides.", "pleural_effusion", Side.BILATERAL, []),
        (
            "Nodule in the right upper lobe.",
            "lung_lesion",
            Side.RIGHT,
            [Location.RIGHT_UPPER_LUNG_ZONE],
        ),
        (
            "Bibasilar atelectasis.",
            "atelectasis",
            Side.BILATERAL,
            [Location.RIGHT_LOWER_LUNG_ZONE, Location.LEFT_LOWER_LUNG_ZONE],
        ),
        ("The heart is enlarged.", "cardiomegaly", None, [Location.CARDIAC_SILHOUETTE]),
        (
            "Right consolidation and left effusion.",
            "consolidation",
            Side.RIGHT,
            [],
        ),
    ],
)
def test_side_and_place(text: str, code: str, side: Side | None, places: list[Location]) -> None:
    claim = one(text, code)
    assert claim.side is side
    assert list(claim.locations) == places


def test_degree_change_and_number() -> None:
    assert one("The heart is mildly enlarged.", "cardiomegaly").severity == (Severity.MILD,)
    assert one("Mild to moderate edema.", "pulmonary_edema").severity == (
        Severity.MILD,
        Severity.MODERATE,
    )
    assert one("Cardiomegaly and effusion are unchanged.", "cardiomegaly").change is (
        Change.NO_CHANGE
    )
    assert one("The effusion has decreased.", "pleural_effusion").change is Change.IMPROVED
    assert one("Increased opacity at the left base.", "lung_opacity").change is None
    (number,) = one("The cardiothoracic ratio is 0.56.", "cardiothoracic_ratio").quantities
    assert (number.value, number.decimals, number.unit) == (0.56, 2, "")
    (size,) = one("8 mm nodule in the left upper lobe.", "nodule_diameter").quantities
    assert (size.value, size.unit) == (8, "mm")


def test_normal_statements_name_their_place() -> None:
    claims = read_sentence("Heart size and pulmonary vascularity are within normal limits.").claims
    assert [(claim.kind, claim.code) for claim in claims] == [
        ("normal", "heart_size"),
        ("normal", "vasculature"),
    ]
    assert [c.code for c in read_sentence("The lungs are not clear.").claims] == []


def test_spans_are_those_of_the_text() -> None:
    text = "There is a Small LEFT Pleural Effusion."
    claim = one(text, "pleural_effusion")
    assert text[claim.start : claim.end] == "Pleural Effusion"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    read = read_sentence(text)
    assert read.text == text
    for claim in read.claims:
        assert 0 <= claim.start < claim.end
