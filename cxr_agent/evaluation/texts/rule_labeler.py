"""Labels by rule, from what the program reads in a report.

Labels are put together as CheXpert's labeler does (``stages/aggregate.py`` of
stanfordmlgroup/chexpert-labeler): of several mentions a positive one wins, then an uncertain one;
No Finding is given where nothing but devices is positive or uncertain. What is mentioned is read by
``kb/report_lexicon.toml``, not by CheXpert's phrases, so this is CheXpert-type labelling.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cxr_agent.evaluation.texts.labels import LABELS, NO_FINDING, Mark, Marks
from cxr_agent.evaluation.texts.statements import Statement, denied_by, statements_of
from cxr_agent.evidence import Polarity
from cxr_agent.knowledge import report_lexicon

_DEVICES: Final = "Support Devices"
_LIKE_CHEXPERT: Final = {
    "pulmonary_fibrosis": "Pleural Other",
    "scar": "Lung Opacity",
    "bronchiectasis": "Lung Opacity",
    "tracheal_tube_malposition": _DEVICES,
    "surgical_change": _DEVICES,
}
"""Findings without a name of CheXpert in ``kb/``, where CheXpert's phrase files put their words:
fibrosis, scars, wall thickening, plates and screws."""
_HEARTS: Final = frozenset({"heart", "heart_size", "cardiomediastinum", "mediastinum"})
"""A normal one denies a label for CheXpert, which takes "heart size" for a mention of
Cardiomegaly; clear lungs deny none."""
_MARKS: Final = {
    Polarity.PRESENT: Mark.POSITIVE,
    Polarity.UNCERTAIN: Mark.UNCERTAIN,
    Polarity.ABSENT: Mark.NEGATIVE,
}
_WEIGHT: Final = (Mark.NOT_MENTIONED, Mark.NEGATIVE, Mark.UNCERTAIN, Mark.POSITIVE)


class RuleLabeler:
    """The labeler that needs nothing."""

    name = "rule"

    def label(self, reports: Sequence[str]) -> list[Marks]:
        """Marks of all 14 labels for each report."""
        return [_marks(statements_of(report)) for report in reports]


def _marks(statements: Sequence[Statement]) -> Marks:
    marks = dict.fromkeys(LABELS, Mark.NOT_MENTIONED)
    abnormal = False
    for statement in statements:
        for label, mark in _mentions(statement):
            marks[label] = max(marks[label], mark, key=_WEIGHT.index)
        abnormal |= statement.said and label_of(statement.code) != _DEVICES
    if not abnormal:
        marks[NO_FINDING] = Mark.POSITIVE
    return marks


def _mentions(statement: Statement) -> Iterator[tuple[str, Mark]]:
    """Labels of a statement; as for CheXpert a consolidation is no mention of an opacity."""
    codes, mark = frozenset({statement.code}), _MARKS[statement.polarity]
    if statement.kind == "normal" and statement.code in _HEARTS:
        codes, mark = denied_by(statement), Mark.NEGATIVE
    elif statement.kind != "finding":
        return
    for label in filter(None, map(label_of, codes)):
        yield label, mark


def label_of(code: str) -> str | None:
    """CheXpert's label for a finding of the program; None where it has none."""
    return report_lexicon().finding[code].chexpert or _LIKE_CHEXPERT.get(code)
