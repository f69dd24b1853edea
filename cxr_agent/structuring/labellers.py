"""Findings of a whole report: one protocol, three ways to come to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from cxr_agent.evidence import Polarity
from cxr_agent.language import LanguageModel
from cxr_agent.models.adapters.labels import ReportLabeller
from cxr_agent.prose.structure import structure
from cxr_agent.structuring.by_model import structure_by_model

Labels = dict[str, Polarity]
"""By code of ``kb/report_lexicon.toml``; what the report does not speak of is not there."""
_READ = ("findings", "impression", "unlabelled")
_STRENGTH = {Polarity.ABSENT: 0, Polarity.UNCERTAIN: 1, Polarity.PRESENT: 2}


class Labeller(Protocol):
    """Whoever tells what a report says of each finding."""

    @property
    def name(self) -> str:
        """Which one, for a table of results."""

    def label(self, report: str) -> Labels:
        """The findings that a report speaks of."""


class ByRule:
    """English, by ``kb/report_lexicon.toml``."""

    name = "rule"

    def label(self, report: str) -> Labels:
        """Raises UsageError ``report_too_long``."""
        return merged(
            (claim.code, claim.polarity)
            for sentence in structure(report).sentences
            for claim in sentence.claims
            if claim.kind == "finding" and not claim.past
        )


class ByModel:
    """Any language that the model knows."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        return self._model.name

    def label(self, report: str) -> Labels:
        """Errors as :func:`structure_by_model`."""
        return merged(
            (finding.code, finding.polarity)
            for sentence in structure_by_model(report, self._model).sentences
            if sentence.section in _READ
            for finding in sentence.findings
        )


class ByClassifier:
    """The language that a classifier was trained on.

    Parameters
    ----------
    classifier
        As ``load_adapter("labels", ...)`` gives it.
    name
        Its source.
    limits
        (absent below, present from) by code, where they are known; (0.5, 0.5) else. A network's
        numbers are not calibrated here.
    """

    def __init__(
        self,
        classifier: ReportLabeller,
        name: str,
        limits: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        self._classifier = classifier
        self._limits = limits or {}
        self.name = name

    def label(self, report: str) -> Labels:
        """Labels with a code of ours; errors as :meth:`ReportLabeller.score`."""
        (scores,) = self._classifier.score([report])
        return merged(
            (one.code, self._polarity(one.code, one.probability)) for one in scores if one.code
        )

    def _polarity(self, code: str, probability: float) -> Polarity:
        below, from_ = self._limits.get(code, (0.5, 0.5))
        if probability >= from_:
            return Polarity.PRESENT
        return Polarity.ABSENT if probability < below else Polarity.UNCERTAIN


def merged(said: Iterable[tuple[str, Polarity]]) -> Labels:
    """One polarity for each finding: what is said to be there anywhere is there."""
    found: Labels = {}
    for code, polarity in said:
        if code not in found or _STRENGTH[polarity] > _STRENGTH[found[code]]:
            found[code] = polarity
    return found
