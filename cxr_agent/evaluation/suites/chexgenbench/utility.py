"""What synthetic films are good for: whether they show what they should, and what they teach.

Train on synthetic, test on real: Esteban, Hyland, Rätsch, 2017. A linear probe on the embedding
stands in for a network: it says what the films hold, not what a network would make of them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from cxr_agent.evaluation.metrics.shares import Share, share
from cxr_agent.evaluation.suites.chexgenbench.fidelity import Points

_FEWEST: Final = 5
"""Films with and without a finding, in each set, below which nothing is learnt of it."""
_FOLDS: Final = 5

Labels = NDArray[np.bool_]
"""(N,) whether each film shows, or is meant to show, a finding."""


class Shown(BaseModel):
    """Whether films that are meant to show a finding show it, to the classifier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    finding: str
    films: int
    meant: int
    flagged_of_meant: Share
    unlikely_of_others: Share
    auc: float | None
    """Of the classifier's probability against what was meant; None with one class alone."""


class Learnt(BaseModel):
    """AUC on real films of a linear probe, by what it was fitted to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    finding: str
    real: int
    synthetic: int
    from_synthetic: float
    from_real: float
    """Mean over five folds of the real films, which must be of as many patients."""
    from_both: float
    """The same with all synthetic films beside the real ones of the other folds."""

    @property
    def gap(self) -> float:
        """What is lost by learning from synthetic films alone."""
        return self.from_real - self.from_synthetic


class Utility(BaseModel):
    """Both, by finding."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shown: tuple[Shown, ...]
    learnt: tuple[Learnt, ...]
    """Of findings with at least five films with and without it, real and synthetic."""


def shown(
    finding: str,
    meant: Labels,
    probabilities: NDArray[np.floating],
    *,
    present_at: float,
    absent_below: float,
) -> Shown:
    """Hold the classifier's word against what films are meant to show.

    Parameters
    ----------
    meant
        (N,).
    probabilities
        (N,) calibrated.
    present_at, absent_below
        The classifier's limits.
    """
    others = ~meant
    return Shown(
        finding=finding,
        films=len(meant),
        meant=int(meant.sum()),
        flagged_of_meant=share(int((probabilities[meant] >= present_at).sum()), int(meant.sum())),
        unlikely_of_others=share(
            int((probabilities[others] < absent_below).sum()), int(others.sum())
        ),
        auc=_auc(meant, probabilities) if meant.any() and others.any() else None,
    )


def learnt(
    finding: str,
    real: Points,
    real_labels: Labels,
    synthetic: Points,
    synthetic_labels: Labels,
    *,
    seed: int = 0,
) -> Learnt | None:
    """Fit probes to synthetic, real and both, and test each on real films.

    Parameters
    ----------
    real, synthetic
        (N, D) and (M, D) of the same embedding.
    real_labels, synthetic_labels
        (N,) and (M,).
    seed
        Of the folds.

    Returns
    -------
    Learnt or None
        None where a set has too few films with or without the finding.
    """
    if min(map(_fewer, (real_labels, synthetic_labels))) < _FEWEST:
        return None
    probe = _fitted(synthetic, synthetic_labels)
    none = synthetic[:0], synthetic_labels[:0]
    return Learnt(
        finding=finding,
        real=len(real),
        synthetic=len(synthetic),
        from_synthetic=_auc(real_labels, probe.decision_function(real)),
        from_real=_held_out_auc(real, real_labels, *none, seed),
        from_both=_held_out_auc(real, real_labels, synthetic, synthetic_labels, seed),
    )


def _held_out_auc(
    real: Points, labels: Labels, more: Points, more_labels: Labels, seed: int
) -> float:
    """Mean AUC over folds, of probes fitted to the other real films and to more."""
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    found = []
    for fitted, tested in folds.split(real, labels):
        probe = _fitted(
            np.concatenate([real[fitted], more]), np.concatenate([labels[fitted], more_labels])
        )
        found.append(_auc(labels[tested], probe.decision_function(real[tested])))
    return float(np.mean(found))


def _fitted(points: Points, labels: Labels) -> Any:
    """A linear probe: logistic regression on standardised dimensions."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
    )
    return probe.fit(points, labels)


def _fewer(labels: Labels) -> int:
    return min(int(labels.sum()), int((~labels).sum()))


def _auc(labels: Labels, scores: NDArray[np.floating]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))
