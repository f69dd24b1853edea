"""Coverage, and both gates over a whole draft."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.evidence import Evidence, Side
from cxr_agent.report.compose import compose, sentence_of
from cxr_agent.report.draft import Draft, Section
from cxr_agent.report.gates.coverage import below_the_fold, left_out
from cxr_agent.report.gates.fault import Fault
from cxr_agent.report.gates.gate import repair
from cxr_agent.report.gates.support import fault_of
from cxr_agent.report.model import Heading, Sentence
from tests.builders import Maker
from tests.observations import (
    ABSENT,
    BY_VARIANT,
    PRESENT,
    limitation,
    ratio,
    region,
    silhouette,
)

CTR = ratio(0.462, (0.4449, 0.4791))
NORMAL = silhouette(ABSENT, "pa", 0.462)
SCOPE = limitation("not_examined", "pleura", "devices")


@pytest.fixture
def evidence(make: Maker) -> list[Evidence]:
    """e1 to e4: the heart's outline, its ratio, its size, what was not examined."""
    return [make(observation) for observation in (region("heart"), CTR, NORMAL, SCOPE)]


@pytest.fixture
def critical() -> Evidence:
    """A pneumothorax, which a later version will find."""
    return Maker()(silhouette(PRESENT, "pa", 0.6)).model_copy(
        update={
            "id": "e9",
            "code": "pneumothorax",
            "reading": "Right pneumothorax.",
            "side": Side.RIGHT,
            "value": None,
            "interval": None,
            "threshold": None,
            "details": {},
            "category": None,
        }
    )


def without(draft: Draft, identity: str) -> Draft:
    return draft.mapped(lambda _, s: None if identity in s.evidence else s)


def saying(section: Section, text: str, *identities: str) -> Draft:
    return Draft().adding(section, Sentence(text=text, evidence=identities))


def test_a_composed_draft_needs_no_repair(evidence: list[Evidence]) -> None:
    draft = compose(evidence)
    assert all(verdict.passed for verdict in repair(draft, evidence).verdicts)
    gated = repair(draft, evidence)
    assert gated.draft == draft
    assert gated.dropped == ()
    assert all(verdict.passed and verdict.action == "kept" for verdict in gated.verdicts)
    assert len(gated.verdicts) == len(list(draft))


@pytest.mark.parametrize("identity", ["e1", "e2", "e3", "e4"])
def test_evidence_left_out_is_added(evidence: list[Evidence], identity: str) -> None:
    item = next(item for item in evidence if item.id == identity)
    draft = without(compose(evidence), identity)
    assert item in left_out(draft, evidence)
    assert not all(verdict.passed for verdict in repair(draft, evidence).verdicts)
    gated = repair(draft, evidence)
    assert item.reading in [s.text for _, s in gated.draft if identity in s.evidence]
    added = [v for v in gated.verdicts if v.action == "added"]
    assert (added[0].gate, added[0].reason, added[0].passed) == ("coverage", "left_out", False)


@pytest.mark.parametrize("section", [Section.TECHNIQUE, Section.LIMITATIONS])
def test_a_finding_hidden_in_another_section_is_left_out(
    evidence: list[Evidence], section: Section
) -> None:
    finding = evidence[2]
    draft = without(compose(evidence), "e3").adding(
        section, sentence_of(finding, section, several=False)
    )
    assert left_out(draft, evidence) == [finding]


def test_a_finding_that_is_cited_but_not_named_is_left_out(make: Maker) -> None:
    heart, big = make(region("heart")), make(silhouette(PRESENT, "pa", 0.6))
    draft = saying(Section.FINDINGS, "The heart is outlined.", heart.id, big.id)
    assert left_out(draft, [heart, big]) == [big]


def test_a_limitation_that_is_cited_but_not_said_is_left_out(evidence: list[Evidence]) -> None:
    draft = saying(
        Section.IMPRESSION, "Nothing else was examined: what was not is named under Findings.", "e4"
    )
    assert evidence[3] in left_out(draft, evidence)


def test_a_critical_finding_is_raised_to_the_top(
    evidence: list[Evidence], critical: Evidence
) -> None:
    everything = [*evidence, critical]
    draft = compose(evidence)
    low = draft.adding(
        Section.IMPRESSION, sentence_of(critical, Section.IMPRESSION, several=False)
    ).adding(Section.FINDINGS, sentence_of(critical, Section.FINDINGS, several=False))
    assert below_the_fold(low, everything) == [critical]
    gated = repair(low, everything)
    assert gated.draft.impression[0].text == "Right pneumothorax."
    assert [s.text for s in gated.draft.impression].count("Right pneumothorax.") == 1
    assert gated.draft.impression[0].heading is None
    assert any(v.reason == "below_the_fold" for v in gated.verdicts)


def test_two_critical_findings_open_the_impression_in_their_order(
    evidence: list[Evidence], critical: Evidence
) -> None:
    other = critical.model_copy(
        update={"id": "e10", "code": "pneumoperitoneum", "reading": "Pneumoperitoneum."}
    )
    gated = repair(compose(evidence), [*evidence, critical, other])
    opening = [s.text for s in gated.draft.impression[:2]]
    assert opening == ["Right pneumothorax.", "Pneumoperitoneum."]


def test_a_critical_finding_of_a_prior_opens_nothing(critical: Evidence) -> None:
    prior = critical.model_copy(update={"image": "prior-1"})
    assert below_the_fold(Draft(), [prior]) == []


def test_a_bad_sentence_with_one_citation_becomes_the_reading(evidence: list[Evidence]) -> None:
    draft = saying(Section.FINDINGS, "Cardiothoracic ratio 0.91.", "e2")
    gated = repair(draft, evidence)
    assert gated.draft.findings[0] == sentence_of(evidence[1], Section.FINDINGS, several=False)
    assert gated.draft.findings[0].heading is Heading.CARDIOVASCULAR
    first = gated.verdicts[0]
    assert (first.gate, first.reason, first.action) == ("evidence", Fault.NUMBER, "repaired")
    assert gated.dropped == ()


def test_a_bad_sentence_with_several_citations_is_dropped_and_recorded(
    evidence: list[Evidence],
) -> None:
    text = "Cardiothoracic ratio 0.91: the heart is not enlarged."
    gated = repair(saying(Section.IMPRESSION, text, "e2", "e3"), evidence)
    assert text not in [s.text for _, s in gated.draft]
    assert [(d.text, d.evidence, d.reason) for d in gated.dropped] == [
        (text, ("e2", "e3"), Fault.NUMBER.value)
    ]
    assert gated.verdicts[0].action == "dropped"


def test_a_sentence_on_unknown_evidence_is_dropped(evidence: list[Evidence]) -> None:
    gated = repair(saying(Section.FINDINGS, "No pneumothorax.", "e77"), evidence)
    assert [d.reason for d in gated.dropped] == [Fault.UNKNOWN_EVIDENCE.value]


def test_sentences_mended_to_the_same_one_become_one(evidence: list[Evidence]) -> None:
    draft = saying(Section.FINDINGS, "Cardiothoracic ratio 0.91.", "e2").adding(
        Section.FINDINGS, Sentence(text="Cardiothoracic ratio 0.92.", evidence=("e2",))
    )
    gated = repair(draft, evidence)
    assert [s.evidence for s in gated.draft.findings].count(("e2",)) == 1


def test_a_rules_own_words_that_fail_are_dropped_and_recorded(critical: Evidence) -> None:
    wrong = critical.model_copy(update={"reading": "Left pneumothorax."})
    gated = repair(Draft(), [wrong])
    assert list(gated.draft) == []
    assert [(d.text, d.reason) for d in gated.dropped] == [("Left pneumothorax.", Fault.SIDE.value)]


TEXTS = (
    "Cardiothoracic ratio 0.46.",
    "Cardiothoracic ratio 0.91.",
    "The cardiac silhouette is enlarged.",
    "The cardiac silhouette is not enlarged.",
    "No pneumothorax.",
    "The left heart is outlined.",
    "On img-2: enlarged cardiac silhouette.",
    "Stable heart.",
    "Nothing else was examined: what was not is named under Findings.",
    BY_VARIANT["projection", "pa"].code,
)
SENTENCES = st.builds(
    lambda text, cited: Sentence(text=text, evidence=tuple(cited)),
    st.sampled_from(TEXTS),
    st.lists(st.sampled_from(["e1", "e2", "e3", "e4", "e9", "e77"]), min_size=1, max_size=3),
)
DRAFTS = st.builds(
    lambda placed: _drafted(placed),
    st.lists(st.tuples(st.sampled_from(list(Section)), SENTENCES), max_size=8),
)


def _drafted(placed: list[tuple[Section, Sentence]]) -> Draft:
    draft = Draft()
    for section, sentence in placed:
        draft = draft.adding(section, sentence)
    return draft


@given(draft=DRAFTS, several=st.booleans())
@settings(max_examples=150, deadline=None)
def test_after_repair_everything_is_supported_said_and_stable(draft: Draft, several: bool) -> None:
    make = Maker()
    evidence = [make(o) for o in (region("heart"), CTR, NORMAL, SCOPE)]
    if several:
        evidence.append(make(silhouette(PRESENT, "pa", 0.6), "img-2"))
    known = {item.id: item for item in evidence}
    gated = repair(draft, evidence)
    assert [s.text for _, s in gated.draft if fault_of(s, known)] == []
    assert left_out(gated.draft, evidence) == []
    assert all(verdict.passed for verdict in repair(gated.draft, evidence).verdicts)
    again = repair(gated.draft, evidence)
    assert again.draft == gated.draft
    assert again.dropped == ()
