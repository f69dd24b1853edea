"""A report against evidence and against itself."""

from __future__ import annotations

import pytest

from cxr_agent.checking import CATEGORIES, Kind, check_text
from cxr_agent.evidence import Change, Evidence, EvidenceKind, Observation, Polarity, Side, Unit
from cxr_agent.toolbox.reading import reading_of
from tests.builders import Maker
from tests.observations import ABSENT, PRESENT, UNCERTAIN, classified, ratio, silhouette

HEART = silhouette(PRESENT, "pa", 0.618)
SMALL = silhouette(ABSENT, "pa", 0.431)
EFFUSION = Observation(
    kind=EvidenceKind.FINDING,
    code="pleural_effusion",
    polarity=PRESENT,
    side=Side.LEFT,
    category="by_reader",
)


def errors(text: str, *observations: Observation, compared: bool = False) -> list[tuple[str, str]]:
    make = Maker()
    evidence = [make(one) for one in observations]
    found = check_text(text, evidence, compared=compared)
    return [(error.kind.value, error.code) for error in found.errors]


@pytest.mark.parametrize(
    ("text", "observations", "expected"),
    [
        ("Cardiomegaly.", (HEART,), []),
        ("Heart size is normal.", (SMALL,), []),
        ("Heart size is normal.", (HEART,), [("omission", "heart_size")]),
        ("The heart is not enlarged.", (HEART,), [("omission", "cardiomegaly")]),
        ("Cardiomegaly.", (SMALL,), [("false_finding", "cardiomegaly")]),
        ("No pneumothorax.", (HEART,), [("omission", "cardiomegaly")]),
        ("Right pleural effusion.", (EFFUSION,), [("wrong_location", "pleural_effusion")]),
        ("Left pleural effusion.", (EFFUSION,), []),
        ("CTR 0.47.", (ratio(0.46, (0.44, 0.48)),), []),  # inside the interval
        ("CTR 0.57.", (ratio(0.46, (0.44, 0.48)),), [("wrong_number", "cardiothoracic_ratio")]),
        ("CTR 46 %.", (ratio(0.46),), []),
        ("CTR 0.46 mm.", (ratio(0.46),), [("wrong_unit", "cardiothoracic_ratio")]),
        ("Cardiomegaly, unchanged.", (HEART,), [("spurious_comparison", "cardiomegaly")]),
        ("History of pneumonia.", (HEART, ratio()), [("omission", "cardiomegaly")]),
    ],
)
def test_against_evidence(
    text: str, observations: tuple[Observation, ...], expected: list[tuple[str, str]]
) -> None:
    assert errors(text, *observations) == expected


def test_what_no_tool_looks_for_is_unsupported_and_no_error() -> None:
    make = Maker()
    found = check_text("Cardiomegaly. Scoliosis.", [make(HEART)])
    assert found.errors == ()
    assert [(claim.code, claim.verdict) for claim in found.claims] == [
        ("cardiomegaly", "supported"),
        ("scoliosis", "unsupported"),
    ]


def test_one_tool_that_bears_a_claim_out_is_enough(make: Maker) -> None:
    evidence = [make(HEART), make(classified("cardiomegaly", UNCERTAIN, 0.04))]
    assert check_text("Cardiomegaly.", evidence).errors == ()
    (error,) = check_text("The heart is not enlarged.", evidence).errors
    assert error.kind is Kind.OMISSION  # the measurement weighs more


def test_what_a_rule_decided_against_is_not_held_against_a_report(make: Maker) -> None:
    evidence = [make(SMALL), make(classified("cardiomegaly", PRESENT, 0.7))]
    conflict = Observation(
        kind=EvidenceKind.LIMITATION,
        code="conflict",
        category="measurement_counts",
        reasons=("cardiomegaly",),
        basis=("e1", "e2"),
    )
    evidence.append(make(conflict))
    assert check_text("Heart size is normal.", evidence).errors == ()


def compared(category: Change) -> Evidence:
    item = Maker()(EFFUSION)
    return item.model_copy(
        update={"kind": EvidenceKind.COMPARISON, "category": category.value, "polarity": None}
        | {"against": "prior-1"}
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The left pleural effusion has increased.", None),
        ("The left pleural effusion is unchanged.", Kind.SPURIOUS_COMPARISON),
        ("Left pleural effusion.", Kind.OMITTED_COMPARISON),
    ],
)
def test_changes(text: str, kind: Kind | None) -> None:
    found = check_text(text, [compared(Change.WORSENED)], compared=True).errors
    assert [error.kind for error in found] == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("FINDINGS: No pleural effusion.\nIMPRESSION: Pleural effusion.", 1),
        ("FINDINGS: No left pleural effusion. Right pleural effusion.", 0),
        ("FINDINGS: Left pleural effusion.\nIMPRESSION: Right pleural effusion.", 1),
        ("FINDINGS: Heart size is normal. Cardiomegaly.", 1),
        ("FINDINGS: CTR 0.46. CTR 0.54.", 1),
        ("FINDINGS: CTR 0.46.\nIMPRESSION: CTR 0.5.", 0),
        ("FINDINGS: The effusion has improved.\nIMPRESSION: Worsening effusion.", 1),
        ("FINDINGS: No large effusion. Small effusion.", 0),
    ],
)
def test_inner_contradictions(text: str, count: int) -> None:
    found = check_text(text)
    assert [error.kind for error in found.errors] == [Kind.CONTRADICTION] * count
    assert found.claims == ()


def test_every_kind_has_its_letters() -> None:
    assert set(CATEGORIES) == set(Kind)
    letters = [CATEGORIES[kind][:2] for kind in Kind][:6]
    assert letters == [("A", "a"), ("B", "b"), ("C", "c"), ("D", "d"), ("E", "e"), ("F", "f")]


def test_the_evidence_stands_beside_the_error(make: Maker) -> None:
    item = make(SMALL)
    (error,) = check_text("Cardiomegaly.", [item]).errors
    assert (error.evidence, error.against) == ((item.id,), reading_of(SMALL))
    assert (error.sentence, error.text) == ("s1", "Cardiomegaly.")
    assert check_text("Cardiomegaly.", [item]).counts()[Kind.FALSE_FINDING] == (1, 0)


def test_lengths_in_other_units() -> None:
    width = Observation(
        kind=EvidenceKind.MEASUREMENT,
        code="cardiac_width",
        category="in_patient",
        value=143.6,
        unit=Unit.MILLIMETRE,
    )
    assert errors("The transverse cardiac diameter is 14.4 cm.", width) == []
    assert errors("The transverse cardiac diameter is 15.4 cm.", width) == [
        ("wrong_number", "cardiac_width")
    ]


def test_polarity_of_a_doubtful_claim() -> None:
    undecided = silhouette(UNCERTAIN, "pa", 0.494)
    assert errors("Borderline heart size.", undecided) == []
    assert errors("Cardiomegaly.", undecided) == [("wrong_certainty", "cardiomegaly")]
    assert Polarity.UNCERTAIN is UNCERTAIN
