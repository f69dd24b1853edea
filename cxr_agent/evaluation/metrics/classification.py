"""How well a finding is told from its absence.

References
----------
Hanley and McNeil, Radiology 1982: the area under the ROC curve is the chance that a film with the
finding scores above one without, ties counting half.
Saito and Rehmsmeier, PLoS ONE 2015: average precision where findings are rare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cxr_agent.errors import ConfigError


def auroc(truths: ArrayLike, scores: ArrayLike) -> float | None:
    """Area under the ROC curve of (N,) truths and scores; None with one class alone."""
    from scipy.stats import rankdata

    true, score = _checked(truths, scores)
    positives = int(true.sum())
    negatives = true.size - positives
    if not positives or not negatives:
        return None
    # Mann and Whitney's U: the same number as the curve's area, and fast enough for a bootstrap.
    ranks = rankdata(score)[true].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(truths: ArrayLike, scores: ArrayLike) -> float | None:
    """Area under the steps of the precision-recall curve; None with one class alone.

    Raises
    ------
    ConfigError
        ``sklearn_missing``.
    """
    true, score = _checked(truths, scores)
    if true.all() or not true.any():
        return None
    try:
        from sklearn.metrics import average_precision_score
    except ModuleNotFoundError:
        raise ConfigError(
            "sklearn_missing", "scikit-learn is not installed", hint="pip install 'cxr-agent[eval]'"
        ) from None
    return float(average_precision_score(true, score))


def _checked(truths: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    true, score = np.asarray(truths, dtype=np.bool_), np.asarray(scores, dtype=np.float64)
    if true.shape != score.shape or true.ndim != 1:
        raise ValueError("truths and scores are two lists of the same length")
    return true, score


@dataclass(frozen=True, slots=True)
class Counts:
    """Yes and no against what was so."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def sensitivity(self) -> float | None:
        """Share of films with the finding that were called so; None without such a film."""
        return _share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def specificity(self) -> float | None:
        """Share of films without it that were not called so; None without such a film."""
        return _share(self.true_negative, self.true_negative + self.false_positive)

    @property
    def precision(self) -> float | None:
        """Share of films called so that have it; None where none was."""
        return _share(self.true_positive, self.true_positive + self.false_positive)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and sensitivity; None where no film has the finding.

        0 where films have it and none was called so.
        """
        if not self.true_positive + self.false_negative:
            return None
        errors = self.false_positive + self.false_negative
        return 2 * self.true_positive / (2 * self.true_positive + errors)


def counts(truths: ArrayLike, said: ArrayLike) -> Counts:
    """Of (N,) truths and statements."""
    true, yes = np.asarray(truths, dtype=np.bool_), np.asarray(said, dtype=np.bool_)
    if true.shape != yes.shape:
        raise ValueError("truths and statements are two lists of the same length")
    return Counts(
        true_positive=int((true & yes).sum()),
        false_positive=int((~true & yes).sum()),
        false_negative=int((true & ~yes).sum()),
        true_negative=int((~true & ~yes).sum()),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
