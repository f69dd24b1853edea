"""Certainty words, critical findings and disagreements, by their tables in ``kb/``."""

from __future__ import annotations

import pytest

from cxr_agent.evidence import Evidence, Polarity
from cxr_agent.knowledge import (
    certainty_levels,
    certainty_of,
    conflict_rules,
    critical_findings,
    language,
    vocabulary,
)
from cxr_agent.planning.statements import about_conflicts
from cxr_agent.report.compose import compose, overruled, tier_of
from tests.builders import Maker
from tests.observations import ABSENT, PRESENT, UNCERTAIN, classified, silhouette


@pytest.mark.parametrize(
    ("probability", "level"),
    [
        (0.0, "unlikely"),
        (0.1, "unlikely"),
        (0.101, "less_likely"),
        (0.375, "less_likely"),
        (0.5, "possible"),
        (0.625, "possible"),
        (0.75, "probable"),
        (0.9, "probable"),
        (0.91, "very_likely"),
        (1.0, "very_likely"),
    ],
)
def test_levels_of_certainty(probability: float, level: str) -> None:
    assert certainty_of(probability) == level


@pytest.mark.parametrize("probability", [0.03, 0.2, 0.5, 0.7, 0.95])
def test_the_words_follow_the_probability_whatever_the_limit(
    make: Maker, probability: float
) -> None:
    word = language().certainty[certainty_of(probability)]
    for polarity in (PRESENT, UNCERTAIN, ABSENT):
        item = make(classified("pleural_effusion", polarity, probability))
        assert item.reading.startswith(f"Pleural effusion {word}, ")


def test_no_word_stands_for_two_levels() -> None:
    words = [word for level in certainty_levels().values() for word in level.words]
    assert len(words) == len(set(words))


def test_critical_findings_are_findings_with_a_source() -> None:
    for code, one in critical_findings().items():
        assert vocabulary()[code].kind == "finding", code
        assert one.source


def test_the_impression_is_in_order_of_importance(make: Maker) -> None:
    evidence = [
        make(silhouette(ABSENT, "pa", 0.43)),
        make(classified("lung_lesion", PRESENT, 0.8)),
        make(classified("pulmonary_edema", PRESENT, 0.8)),
        make(classified("pneumothorax", PRESENT, 0.8)),
    ]
    impression = compose(evidence).impression
    assert [s.evidence[0] for s in impression] == ["e4", "e3", "e2", "e1"]
    assert [s.tier for s in impression] == [1, 2, None, None]
    assert tier_of(evidence[0]) is None


def disagreeing(make: Maker, measured: Polarity, seen: Polarity) -> list[Evidence]:
    heart = make(silhouette(measured, "pa", 0.62 if measured is PRESENT else 0.43))
    other = make(classified("cardiomegaly", seen, 0.9 if seen is PRESENT else 0.02))
    pair = [
        item.model_copy(update={"provenance": item.provenance.model_copy(update={"tool": tool})})
        for item, tool in ((heart, "measure_ctr"), (other, "classify_findings"))
    ]
    make.made[:] = pair
    ((_, conflict),) = about_conflicts(pair)
    return [*pair, make(conflict)]


@pytest.mark.parametrize(("measured", "seen"), [(PRESENT, ABSENT), (ABSENT, PRESENT)])
def test_a_disagreement_gives_both_values_and_the_rule_that_decides(
    make: Maker, measured: Polarity, seen: Polarity
) -> None:
    heart, other, conflict = disagreeing(make, measured, seen)
    assert conflict.category == "measurement_counts"
    assert f"measure_ctr: {measured}" in conflict.reading
    assert f"{heart.value:.2f}" in conflict.reading
    assert f"classify_findings: {seen}" in conflict.reading
    assert f"{other.probability:.3f}" in conflict.reading
    assert overruled([heart, other, conflict]) == {other.id}
    draft = compose([heart, other, conflict])
    assert {one for s in draft.impression for one in s.evidence} == {heart.id, conflict.id}
    assert {one for s in draft.findings for one in s.evidence} == {"e1", "e2", "e3"}


def test_rules_that_decide_have_their_words_and_source() -> None:
    from cxr_agent.knowledge import sentences

    for rule in conflict_rules():
        assert rule.code in sentences()["conflict"].variants
        assert rule.source
        assert rule.prefers not in rule.over
