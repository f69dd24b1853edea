"""Precision, recall and F1 from counts, and means over reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much two sets have in common."""

    matched: int
    candidate: int
    """Size of the candidate's set."""
    reference: int
    """Size of the reference's set."""

    @property
    def precision(self) -> float:
        """0 where the candidate has nothing."""
        return self.matched / self.candidate if self.candidate else 0.0

    @property
    def recall(self) -> float:
        """0 where the reference has nothing."""
        return self.matched / self.reference if self.reference else 0.0

    @property
    def f1(self) -> float:
        return harmonic(self.precision, self.recall)

    def __add__(self, other: Overlap) -> Overlap:
        return Overlap(
            self.matched + other.matched,
            self.candidate + other.candidate,
            self.reference + other.reference,
        )


NOTHING = Overlap(0, 0, 0)


def harmonic(precision: float, recall: float) -> float:
    """F1; 0 where both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def share(part: int, whole: int) -> float | None:
    """A proportion; None of nothing."""
    return part / whole if whole else None


def mean_of(values: Iterable[float | None]) -> float | None:
    """Mean of those that there are; None where there is none."""
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if found else None
