"""LunguageScore-type F1 of structured findings, within one date and across dates (Moon et al.,
"LUNGUAGE: A Benchmark for Structured and Longitudinal Chest X-ray Interpretation", 2025,
arXiv:2505.21190; code of SuperSupermoon/Lunguage at 759001b).

The likeness of two rows is semantic x structural x temporal:

semantic
    of the entity with its place, look, degree and course in words; across dates, of the names of
    their entity groups;
structural
    the weighted mean, over the attributes that either row has, of how alike they are: status and
    certainty are or are not the same, the others are compared as texts;
temporal
    half for the same study, half for the same episode; 1 within one date.

Rows are matched one to one so that the sum is largest. A matched pair adds its likeness s to the
true positives and 1 - s to false positives and false negatives alike; an unmatched row adds 1 less
its best likeness to anything.

What differs from the published score: rows and groups come from rules
(:mod:`~cxr_agent.evaluation.texts.timeline`), not from a language model; texts are compared by
words in common, or by whichever encoder is given, not by the mean of BioLORD and MedCPT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from cxr_agent.evaluation.texts.counts import harmonic
from cxr_agent.evaluation.texts.similarity import Likeness, Similarity
from cxr_agent.evaluation.texts.timeline import Row

WEIGHTS: Final = {
    "dx_status": 0.5,
    "dx_certainty": 0.1,
    "location": 0.2,
    "severity": 0.15,
    "onset": 0.15,
    "improved": 0.15,
    "worsened": 0.15,
    "placement": 0.15,
    "no change": 0.1,
    "morphology": 0.05,
    "distribution": 0.05,
    "measurement": 0.05,
    "comparison": 0.03,
    "past hx": 0.01,
    "other source": 0.01,
    "assessment limitations": 0.01,
}
"""Of ``metric_weights.yaml``; only their proportions matter."""
_EXACT: Final = frozenset({"dx_status", "dx_certainty"})
_PHRASE: Final = (
    "location",
    "morphology",
    "distribution",
    "measurement",
    "severity",
    "onset",
    "improved",
    "worsened",
    "no change",
    "placement",
)
"""Attributes that stand with the entity in its phrase, in this order."""
_SAME_STUDY: Final = 0.5
_SAME_EPISODE: Final = 0.5


@dataclass(frozen=True, slots=True)
class MatchedRows:
    """A row of the reference, one of the candidate, and how alike they are, in [0, 1]."""

    reference: str
    candidate: str
    likeness: float


@dataclass(frozen=True, slots=True)
class Lunguage:
    """One report, or one patient."""

    similarity: str
    """What compared the texts."""
    matched: tuple[MatchedRows, ...]
    reference_only: tuple[str, ...]
    candidate_only: tuple[str, ...]
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return harmonic(self.precision, self.recall)


def lunguage(
    reference: Sequence[Row],
    candidate: Sequence[Row],
    similarity: Similarity,
    *,
    across: bool = False,
) -> Lunguage | None:
    """Compare the rows of two reports, or of two timelines.

    Parameters
    ----------
    reference, candidate
        Of :func:`~cxr_agent.evaluation.texts.timeline.rows_of`, or across dates of
        :func:`~cxr_agent.evaluation.texts.timeline.timeline`.
    similarity
        Compares texts.
    across
        Whether they are of several dates.

    Returns
    -------
    Lunguage or None
        None where neither side has a row.
    """
    if not reference and not candidate:
        return None
    alike = likeness(reference, candidate, similarity, across=across)
    rows, columns = linear_sum_assignment(alike, maximize=True)
    sums = float(alike[rows, columns].sum())
    missed = [n for n in range(len(reference)) if n not in set(rows.tolist())]
    extra = [n for n in range(len(candidate)) if n not in set(columns.tolist())]
    lost = len(rows) - sums
    false_negative = lost + sum(1 - _best(alike[n]) for n in missed)
    false_positive = lost + sum(1 - _best(alike[:, n]) for n in extra)
    return Lunguage(
        similarity=similarity.name,
        matched=tuple(
            MatchedRows(phrase_of(reference[i]), phrase_of(candidate[j]), float(alike[i, j]))
            for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
        ),
        reference_only=tuple(phrase_of(reference[n]) for n in missed),
        candidate_only=tuple(phrase_of(candidate[n]) for n in extra),
        precision=_part(sums, false_positive),
        recall=_part(sums, false_negative),
    )


def _best(values: Likeness) -> float:
    return float(values.max()) if values.size else 0.0


def _part(hits: float, misses: float) -> float:
    return hits / (hits + misses) if hits + misses > 0 else 0.0


def phrase_of(row: Row) -> str:
    """The entity with its attributes in words."""
    return " ".join([row.entity, *(row.attributes[n] for n in _PHRASE if row.attributes.get(n))])


def likeness(
    reference: Sequence[Row], candidate: Sequence[Row], similarity: Similarity, *, across: bool
) -> Likeness:
    """(reference, candidate): semantic x structural x temporal."""
    if across:
        names = [row.group for row in reference], [row.group for row in candidate]
    else:
        names = [phrase_of(row) for row in reference], [phrase_of(row) for row in candidate]
    found = similarity.compare(*names) * _structural(reference, candidate, similarity)
    return found * _temporal(reference, candidate) if across else found


def _structural(
    reference: Sequence[Row], candidate: Sequence[Row], similarity: Similarity
) -> Likeness:
    shape = (len(reference), len(candidate))
    score, weights = np.zeros(shape), np.zeros(shape)
    for name, weight in WEIGHTS.items():
        mine = [row.attributes.get(name, "") for row in reference]
        theirs = [row.attributes.get(name, "") for row in candidate]
        either = np.array([[bool(a) or bool(b) for b in theirs] for a in mine]).reshape(shape)
        both = np.array([[bool(a) and bool(b) for b in theirs] for a in mine]).reshape(shape)
        weights += weight * either
        if both.any():
            score += weight * both * _compared(name, mine, theirs, similarity)
    return np.divide(score, weights, out=np.zeros(shape), where=weights > 0)


def _compared(
    name: str, mine: Sequence[str], theirs: Sequence[str], similarity: Similarity
) -> Likeness:
    if name in _EXACT:
        return np.array([[float(a == b) for b in theirs] for a in mine])
    # What is empty is masked by the caller, and an encoder takes no empty text.
    return similarity.compare([text or "-" for text in mine], [text or "-" for text in theirs])


def _temporal(reference: Sequence[Row], candidate: Sequence[Row]) -> Likeness:
    return np.array(
        [
            [
                _SAME_STUDY * (a.study == b.study) + _SAME_EPISODE * (a.episode == b.episode)
                for b in candidate
            ]
            for a in reference
        ]
    ).reshape(len(reference), len(candidate))
