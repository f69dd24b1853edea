"""CheXbert-type F1: the labels of a candidate against those of its reference.

As F1-CheXbert counts them in papers on report generation (Smit et al., EMNLP 2020; the scorers of
Stanford AIMI): a label that may be there is there, one that is denied or not mentioned is not. With
:class:`~cxr_agent.evaluation.texts.rule_labeler.RuleLabeler` the labels are not CheXbert's, so the
score is CheXbert-type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cxr_agent.evaluation.texts.counts import NOTHING, Overlap, mean_of
from cxr_agent.evaluation.texts.labels import FIVE, LABELS, Labeler, Mark, Marks


class Uncertain(StrEnum):
    """What a mark "uncertain" counts as."""

    POSITIVE = "positive"
    """F1-CheXbert's way."""
    NEGATIVE = "negative"
    IGNORED = "ignored"
    """The label is left out for a report where either side is uncertain of it."""


@dataclass(frozen=True, slots=True)
class LabelCount:
    """One label over all reports."""

    label: str
    overlap: Overlap
    agreed: int
    """Reports that agree on it, either way."""
    counted: int
    """Reports that count."""


@dataclass(frozen=True, slots=True)
class LabelReport:
    """One pair: where its labels differ."""

    both: tuple[str, ...]
    candidate_only: tuple[str, ...]
    reference_only: tuple[str, ...]
    marks: tuple[tuple[str, Mark, Mark], ...]
    """Label, the reference's mark, the candidate's."""

    @property
    def overlap(self) -> Overlap:
        return Overlap(
            len(self.both),
            len(self.both) + len(self.candidate_only),
            len(self.both) + len(self.reference_only),
        )


@dataclass(frozen=True, slots=True)
class LabelF1:
    """A set of labels over all reports."""

    labels: tuple[LabelCount, ...]

    @property
    def micro(self) -> Overlap:
        """All labels of all reports together."""
        return sum((one.overlap for one in self.labels), NOTHING)

    @property
    def macro(self) -> float:
        """Mean over labels; a label that neither side ever has counts 0, as in scikit-learn."""
        return sum(one.overlap.f1 for one in self.labels) / len(self.labels)

    @property
    def weighted(self) -> float:
        """Mean over labels, weighted by how often the reference has them."""
        total = sum(one.overlap.reference for one in self.labels)
        if not total:
            return 0.0
        return sum(one.overlap.f1 * one.overlap.reference for one in self.labels) / total

    @property
    def macro_of_present(self) -> float | None:
        """Mean over the labels that either side has; None where there is none."""
        overlaps = (one.overlap for one in self.labels)
        return mean_of(one.f1 for one in overlaps if one.reference or one.candidate)


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Labels of many pairs."""

    labeler: str
    uncertain: Uncertain
    fourteen: LabelF1
    five: LabelF1
    reports: tuple[LabelReport, ...]


def label_f1(
    pairs: Sequence[tuple[str, str]],
    labeler: Labeler,
    uncertain: Uncertain = Uncertain.POSITIVE,
) -> LabelScores:
    """Score candidates.

    Parameters
    ----------
    pairs
        Reference and candidate.
    labeler
        Gives both their labels.
    uncertain
        What "uncertain" counts as.
    """
    true = labeler.label([reference for reference, _ in pairs])
    given = labeler.label([candidate for _, candidate in pairs])
    both = list(zip(true, given, strict=True))
    return LabelScores(
        labeler=labeler.name,
        uncertain=uncertain,
        fourteen=LabelF1(tuple(_count(label, both, uncertain) for label in LABELS)),
        five=LabelF1(tuple(_count(label, both, uncertain) for label in FIVE)),
        reports=tuple(_report(one, other, uncertain) for one, other in both),
    )


def _count(label: str, both: Iterable[tuple[Marks, Marks]], uncertain: Uncertain) -> LabelCount:
    cells = [
        (there(true[label], uncertain), there(given[label], uncertain)) for true, given in both
    ]
    counted = [cell for cell in cells if None not in cell]
    return LabelCount(
        label=label,
        overlap=Overlap(
            sum(bool(true and given) for true, given in counted),
            sum(bool(given) for _, given in counted),
            sum(bool(true) for true, _ in counted),
        ),
        agreed=sum(true == given for true, given in counted),
        counted=len(counted),
    )


def there(mark: Mark, uncertain: Uncertain) -> bool | None:
    """Whether a mark says that a label is there; None where it does not count."""
    if mark is Mark.UNCERTAIN:
        return None if uncertain is Uncertain.IGNORED else uncertain is Uncertain.POSITIVE
    return mark is Mark.POSITIVE


def _report(true: Marks, given: Marks, uncertain: Uncertain) -> LabelReport:
    cells = {
        label: (there(true[label], uncertain), there(given[label], uncertain)) for label in LABELS
    }
    return LabelReport(
        both=tuple(label for label, cell in cells.items() if cell == (True, True)),
        candidate_only=tuple(label for label, cell in cells.items() if cell == (False, True)),
        reference_only=tuple(label for label, cell in cells.items() if cell == (True, False)),
        marks=tuple((label, true[label], given[label]) for label in LABELS),
    )
