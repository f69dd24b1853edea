"""What a candidate report scores against its reference, case by case and over all cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pydantic import JsonValue

from cxr_agent.evaluation.runs.model import Better, Outcome
from cxr_agent.evaluation.runs.task import Measure, Statistic, mean_of, number
from cxr_agent.evaluation.texts import DEFAULT, ReportPair, score_reports
from cxr_agent.evaluation.texts.label_f1 import LabelReport, Uncertain, there
from cxr_agent.evaluation.texts.labels import FIVE, LABELS, Mark
from cxr_agent.report.model import Report

NORMAL: Final = "normal-template"
OTHERS: Final = "another-patient"
TEMPLATE: Final = (
    "The lungs are clear. There is no pleural effusion or pneumothorax. The heart size and the "
    "mediastinum are normal. IMPRESSION: No acute cardiopulmonary abnormality."
)
"""What is written most often, whoever the patient is."""
_LABELS: Final = "labels"
_LOWER: Final = ("errors", "false", "missing", "wrong", "omitted", "spurious")


def scored(reference: str, candidate: str) -> dict[str, JsonValue]:
    """Values of one pair by ``metric.value``, and the 14 labels of both under ``labels``.

    Raises
    ------
    UsageError
        ``report_too_long``.
    """
    scores = score_reports([ReportPair("1", reference, candidate)], DEFAULT)
    (row,) = scores.per_report()
    values: dict[str, JsonValue] = {name: one for name, one in row.items() if name != "id"}
    (labels,) = scores.metrics["label_f1"].details
    if isinstance(labels, LabelReport):
        values[_LABELS] = {label: [str(true), str(given)] for label, true, given in labels.marks}
    return values


def text_of(report: Report) -> str:
    """A report as others write them: findings, then the impression."""
    findings, impression = (
        " ".join(one.text for one in part) for part in (report.findings, report.impression)
    )
    return f"FINDINGS: {findings}\nIMPRESSION: {impression}"


def measures(outcomes: Sequence[Outcome]) -> list[Measure]:
    """Label F1 over all cases, then the mean of each value."""
    found = [
        Measure("label F1, micro", _micro(LABELS), about="14 labels", better="higher"),
        Measure("label F1, micro", _micro(FIVE), about="5 labels", better="higher"),
        Measure("label F1, macro", _macro(LABELS), about="14 labels", better="higher"),
        Measure("label F1, macro", _macro(FIVE), about="5 labels", better="higher"),
    ]
    names = dict.fromkeys(name for one in outcomes for name in one.values if name != _LABELS)
    for name in names:
        metric, _, value = name.partition(".")
        found.append(
            Measure(
                f"{metric.replace('_', ' ')}: {value.replace('_', ' ')}",
                mean_of(name),
                better=_better(value),
                counted=_has(name),
            )
        )
    return found


def _better(value: str) -> Better:
    return "lower" if any(word in value for word in _LOWER) else "higher"


def _has(name: str) -> Callable[[Outcome], bool]:
    return lambda outcome: number(outcome, name) is not None


def _cells(outcomes: Sequence[Outcome], label: str) -> Iterator[tuple[bool, bool]]:
    """Whether reference and candidate have it; uncertain counts as there, as in F1-CheXbert."""
    for one in outcomes:
        marks = one.values.get(_LABELS)
        pair = marks.get(label) if isinstance(marks, dict) else None
        if isinstance(pair, list):
            true, given = (bool(there(Mark(str(m)), Uncertain.POSITIVE)) for m in pair)
            yield true, given


def _f1(cells: Sequence[tuple[bool, bool]]) -> float:
    both = sum(true and given for true, given in cells)
    either = sum(true + given for true, given in cells)
    return 2 * both / either if either else 0.0


def _micro(labels: Sequence[str]) -> Statistic:
    def f1(outcomes: Sequence[Outcome]) -> float | None:
        cells = [cell for label in labels for cell in _cells(outcomes, label)]
        return _f1(cells) if cells else None

    return f1


def _macro(labels: Sequence[str]) -> Statistic:
    """Over the labels that the references or the candidates have at all."""

    def f1(outcomes: Sequence[Outcome]) -> float | None:
        by_label = [list(_cells(outcomes, label)) for label in labels]
        scores = [_f1(cells) for cells in by_label if any(a or b for a, b in cells)]
        return sum(scores) / len(scores) if scores else None

    return f1
