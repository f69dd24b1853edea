"""Labels by rule, and F1 over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import classification_report

from cxr_agent.evaluation.texts.label_f1 import Uncertain, label_f1
from cxr_agent.evaluation.texts.labels import FIVE, LABELS, NO_FINDING, Mark, Marks
from cxr_agent.evaluation.texts.rule_labeler import RuleLabeler


def marked(report: str) -> dict[str, Mark]:
    """What is mentioned."""
    marks = RuleLabeler().label([report])[0]
    assert set(marks) == set(LABELS)
    return {label: mark for label, mark in marks.items() if mark is not Mark.NOT_MENTIONED}


@pytest.mark.parametrize(
    ("report", "marks"),
    [
        (
            # CheXbert's own sample and its answer (src/sample_reports.csv, labeled_reports.csv).
            "Heart size normal and lungs are clear. No edema or pneumonia. No effusion",
            {
                "Cardiomegaly": Mark.NEGATIVE,
                "Edema": Mark.NEGATIVE,
                "Pneumonia": Mark.NEGATIVE,
                "Pleural Effusion": Mark.NEGATIVE,
                NO_FINDING: Mark.POSITIVE,
            },
        ),
        (
            "1. Left pleural effusion with adjacent atelectasis. Right effusion is also present."
            "\n\n2. Cardiomegaly without overt edema.",
            {
                "Cardiomegaly": Mark.POSITIVE,
                "Edema": Mark.NEGATIVE,
                "Atelectasis": Mark.POSITIVE,
                "Pleural Effusion": Mark.POSITIVE,
            },
        ),
        ("Possible pneumonia.", {"Pneumonia": Mark.UNCERTAIN}),
        ("Possible pneumonia. Right pneumonia.", {"Pneumonia": Mark.POSITIVE}),
        ("No pneumonia on the left. Possible right pneumonia.", {"Pneumonia": Mark.UNCERTAIN}),
        ("Scoliosis.", {}),
        ("Pacemaker.", {"Support Devices": Mark.POSITIVE, NO_FINDING: Mark.POSITIVE}),
        ("", {NO_FINDING: Mark.POSITIVE}),
        ("History: pneumonia\nFindings: Clear lungs.", {NO_FINDING: Mark.POSITIVE}),
    ],
)
def test_marks(report: str, marks: dict[str, Mark]) -> None:
    assert marked(report) == marks


class Given:
    """A labeler whose labels are written down."""

    name = "given"

    def __init__(self, table: dict[str, Marks]) -> None:
        self.table = table

    def label(self, reports: Sequence[str]) -> list[Marks]:
        return [self.table[report] for report in reports]


def _drawn(seed: int, reports: int) -> dict[str, Marks]:
    draw = np.random.default_rng(seed)
    return {
        f"{seed}-{number}": {label: list(Mark)[draw.integers(4)] for label in LABELS}
        for number in range(reports)
    }


@pytest.mark.parametrize("uncertain", [Uncertain.POSITIVE, Uncertain.NEGATIVE])
def test_f1_is_scikit_learns(uncertain: Uncertain) -> None:
    true, given = _drawn(1, 40), _drawn(2, 40)
    labeler = Given({**true, **given})
    found = label_f1(list(zip(true, given, strict=True)), labeler, uncertain)
    said = {Mark.POSITIVE} | ({Mark.UNCERTAIN} if uncertain is Uncertain.POSITIVE else set())
    for part, names in ((found.fourteen, LABELS), (found.five, FIVE)):
        tables = [
            np.array([[marks[name] in said for name in names] for marks in side.values()])
            for side in (true, given)
        ]
        wanted = classification_report(
            *tables, target_names=names, output_dict=True, zero_division=0
        )
        assert part.micro.f1 == pytest.approx(wanted["micro avg"]["f1-score"])
        assert part.macro == pytest.approx(wanted["macro avg"]["f1-score"])
        assert part.weighted == pytest.approx(wanted["weighted avg"]["f1-score"])
        for one in part.labels:
            assert one.overlap.precision == pytest.approx(wanted[one.label]["precision"])
            assert one.overlap.recall == pytest.approx(wanted[one.label]["recall"])


def test_what_is_uncertain_counts_as_one_says() -> None:
    pairs = [("Pneumonia.", "Possible pneumonia."), ("Edema.", "Edema.")]
    by = {one: label_f1(pairs, RuleLabeler(), one) for one in Uncertain}
    assert by[Uncertain.POSITIVE].fourteen.micro.f1 == 1.0
    assert by[Uncertain.NEGATIVE].reports[0].reference_only == ("Pneumonia",)
    ignored = by[Uncertain.IGNORED]
    assert ignored.fourteen.micro.reference == 1
    assert {one.label: one.counted for one in ignored.fourteen.labels}["Pneumonia"] == 1
    assert not ignored.reports[0].both


def test_macro_of_labels_that_nobody_has() -> None:
    found = label_f1([("Edema.", "Edema.")], RuleLabeler())
    assert found.fourteen.macro == pytest.approx(1 / 14)
    assert found.fourteen.macro_of_present == 1.0
    assert label_f1([], RuleLabeler()).fourteen.macro_of_present is None
