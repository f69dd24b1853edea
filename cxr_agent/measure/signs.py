"""Scores of descriptors, and what they come to for a finding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cxr_agent.knowledge.descriptors import Descriptor, Reference

_LEAST: Final = 0.01
"""A score counts as at least this, so that one sign that is missing does not decide alone."""


def score_of(descriptor: Descriptor, value: float, references: Mapping[str, Reference]) -> float:
    """Share of normal films on which the sign is less marked, in [0, 1]."""
    share = references[descriptor.quantity].share_below(value)
    return share if descriptor.more == "higher" else 1 - share


def combined(scores: Iterable[float]) -> float:
    """Xplainer's: the exponential of the mean log score, in [0, 1].

    Raises
    ------
    ValueError
        For no scores.
    """
    logs = [math.log(max(score, _LEAST)) for score in scores]
    if not logs:
        raise ValueError("there is no score to combine")
    return math.exp(sum(logs) / len(logs))


def without_top(scores: Sequence[float]) -> float | None:
    """What they come to without the highest; None where it is the only one."""
    rest = sorted(scores)[:-1]
    return combined(rest) if rest else None
