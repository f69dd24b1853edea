from __future__ import annotations

import pytest

from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.report.compose import compose, section_of, sentence_of
from cxr_agent.report.draft import Section
from cxr_agent.report.model import Heading
from tests.builders import Maker
from tests.observations import (
    ABSENT,
    BY_VARIANT,
    PRESENT,
    UNCERTAIN,
    everything,
    limitation,
    ratio,
    region,
    silhouette,
)

SCOPE = limitation("not_examined", "pleura")


def test_statements_go_to_their_sections(make: Maker) -> None:
    items = {
        Section.TECHNIQUE: make(BY_VARIANT["exposure", "adequate"]),
        Section.FINDINGS: make(ratio()),
        Section.LIMITATIONS: make(limitation("rotation", "clavicles_unclear")),
        Section.COMPARISON: make(ratio(), "prior-1"),
    }
    draft = compose(list(items.values()))
    for section, item in items.items():
        assert section_of(item) is section
        assert item.id in {identity for s in draft.of(section) for identity in s.evidence}


def test_outlines_of_a_film_are_one_sentence_that_opens_technique(make: Maker) -> None:
    quality = make(BY_VARIANT["exposure", "adequate"])
    regions = [make(region(code)) for code in ("right_lung", "left_lung", "heart")]
    first, second = compose([quality, *regions]).technique
    assert first.text == "Outlined by the anatomy model: right lung, left lung, heart."
    assert first.evidence == tuple(item.id for item in regions)
    assert second.text == quality.reading


def test_findings_keep_the_order_of_evidence_under_their_headings(make: Maker) -> None:
    items = [make(ratio()), make(silhouette(ABSENT, "pa", 0.43))]
    findings = compose(items).findings
    assert [s.text for s in findings] == [item.reading for item in items]
    assert {s.heading for s in findings} == {Heading.CARDIOVASCULAR}


def test_only_findings_have_headings(make: Maker) -> None:
    evidence = [make(o) for o in everything()] + [make(o, "prior-1") for o in everything()]
    draft = compose(evidence)
    assert {section for section, sentence in draft if sentence.heading} == {Section.FINDINGS}
    assert all(sentence.heading for sentence in draft.findings)


def test_the_impression_has_what_is_present_first_then_what_is_unknown(make: Maker) -> None:
    absent = make(silhouette(ABSENT, "pa", 0.43))
    unmeasured = make(limitation("cardiothoracic_ratio", "paediatric"))
    blurred = make(limitation("rotation", "clavicles_unclear"))
    uncertain = make(silhouette(UNCERTAIN, "pa", 0.5))
    present = make(silhouette(PRESENT, "pa", 0.6))
    scope = make(SCOPE)
    impression = compose([absent, unmeasured, blurred, uncertain, present, scope]).impression
    assert [s.evidence for s in impression] == [
        (present.id,),
        (uncertain.id,),
        (absent.id,),
        (unmeasured.id,),
        (scope.id,),
    ]


def test_a_critical_finding_comes_before_any_other(make: Maker) -> None:
    present = make(silhouette(PRESENT, "pa", 0.6))
    critical = present.model_copy(update={"id": "e8", "code": "pneumothorax", "reading": "Air."})
    assert compose([present, critical]).impression[0].evidence == ("e8",)


def test_the_scope_sentence_closes_the_impression_and_cites_the_limitation(make: Maker) -> None:
    scope = make(SCOPE)
    draft = compose([make(ratio()), scope])
    assert (
        draft.impression[-1].text
        == "Nothing else was examined: what was not is named under Findings."
    )
    assert draft.impression[-1].evidence == (scope.id,)
    assert draft.findings[-1].text == scope.reading


@pytest.mark.parametrize("observation", [SCOPE, limitation("budget", "budget_steps")])
def test_statements_on_the_run_name_no_film(make: Maker, observation: object) -> None:
    item = make(observation)  # type: ignore[arg-type]
    assert sentence_of(item, Section.LIMITATIONS, several=True).text == item.reading


def test_one_film_is_not_named_and_several_are(make: Maker) -> None:
    one = make(ratio(), "img-1")
    assert compose([one]).findings[0].text == one.reading
    two = make(ratio(0.6), "img-2")
    texts = [s.text for s in compose([one, two]).findings]
    assert texts == ["On img-1: cardiothoracic ratio 0.46.", "On img-2: cardiothoracic ratio 0.60."]


def test_a_prior_is_named_and_stands_only_in_comparison(make: Maker) -> None:
    evidence = [make(o) for o in everything()]
    priors: list[Evidence] = [make(o, "prior-1") for o in everything()]
    draft = compose([*evidence, *priors])
    of_priors = {item.id for item in priors}
    for section, sentence in draft:
        if of_priors & set(sentence.evidence):
            assert section is Section.COMPARISON
            assert sentence.text.startswith("On prior-1: ")
    assert all("img-1" not in s.text for s in draft.findings)


def test_everything_is_said(make: Maker) -> None:
    evidence = [make(o) for o in everything()]
    cited = {identity for _, sentence in compose(evidence) for identity in sentence.evidence}
    said = [item for item in evidence if item.kind is not EvidenceKind.DESCRIPTOR]
    assert cited == {item.id for item in said}


def test_no_evidence_makes_an_empty_draft() -> None:
    assert list(compose([])) == []
