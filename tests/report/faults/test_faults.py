"""Planted faults: the gates let none out, and hold back next to nothing that is right."""

from __future__ import annotations

from collections import Counter

import pytest

from cxr_agent.checking import check_text
from cxr_agent.report.gates.gate import repair
from tests.report.faults.pool import KINDS, Study, faulty, items, right

FAULTY = faulty(330)
RIGHT = right(300)


def caught(study: Study) -> bool:
    """Whether the faulty sentence was held back, or what was left out was added."""
    gated = repair(study.draft, study.evidence)
    texts = [sentence.text for _, sentence in gated.draft]
    if study.kind == "omission":
        return any(study.about in sentence.evidence for _, sentence in gated.draft)
    return study.planted not in texts


def alarmed(study: Study) -> bool:
    return any(not verdict.passed for verdict in repair(study.draft, study.evidence).verdicts)


def test_the_pool_has_every_kind_of_fault() -> None:
    planted = {kind for item in items() for kind in item["faulty"]} | {"omission"}
    assert planted == set(KINDS)
    assert sum(len(one) for item in items() for one in item["faulty"].values()) >= 250


@pytest.mark.parametrize("kind", KINDS)
def test_every_planted_fault_is_caught_by_the_gates(kind: str) -> None:
    studies = [study for study in FAULTY if study.kind == kind]
    assert len(studies) == 30
    assert [study.planted or study.about for study in studies if not caught(study)] == []


def test_right_reports_are_let_out() -> None:
    """At most 2 % of 300; what is held back is only put into the words of a rule."""
    alarms = [study for study in RIGHT if alarmed(study)]
    assert len(alarms) <= 6, [sentence.text for study in alarms for sentence in study.told]


def noticed(study: Study) -> bool:
    """Whether a check of the bare text says that something is wrong, or that nothing bears it out.

    Without ids a text may speak of what no tool looked for: that is unsupported, no error.
    """
    checked = check_text(study.text, study.evidence, compared=study.compared)
    return bool(checked.errors) or any(claim.verdict == "unsupported" for claim in checked.claims)


def test_a_check_of_the_bare_text_notices_planted_faults() -> None:
    missed = [study for study in FAULTY if not noticed(study)]
    # An inserted finding may by chance be one that another sentence of the study bears out.
    assert len(missed) <= 2, [(study.kind, study.planted) for study in missed]
    assert {study.kind for study in missed} <= {"insertion"}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"insertion"}))
def test_a_check_of_the_bare_text_calls_faults_errors(kind: str) -> None:
    """But for insertions, which are errors only where a tool looked for the finding."""
    studies = [study for study in FAULTY if study.kind == kind]
    told = Counter(
        bool(check_text(one.text, one.evidence, compared=one.compared).errors) for one in studies
    )
    # Sides, places and degrees of evidence that has none of its own are unsupported.
    least = {"side": 0.6, "location": 0.8, "severity": 0.5, "invented_prior": 0.3}.get(kind, 1.0)
    assert told[True] / len(studies) >= least


def test_a_check_of_right_texts_finds_no_error() -> None:
    alarms = [
        study
        for study in RIGHT
        if check_text(study.text, study.evidence, compared=study.compared).errors
    ]
    assert len(alarms) <= 6, [study.text for study in alarms]
