"""Intervals by resampling patients, not films: films of one patient are alike.

References
----------
Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile interval).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import numpy as np

_Item = TypeVar("_Item")

LEVEL: Final = 0.95
RESAMPLES: Final = 1000
_FEWEST: Final = 0.5
"""Share of resamples in which a value must be defined for its interval to be told."""


def grouped_interval(
    items: Sequence[_Item],
    groups: Sequence[str],
    statistic: Callable[[Sequence[_Item]], float | None],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float] | None:
    """The 95 % percentile interval of a statistic, drawing whole groups with replacement.

    Parameters
    ----------
    items, groups
        Of the same length: what is measured, and whose each is.
    statistic
        Of a list of items, None where it is not defined; such resamples are left out.

    Returns
    -------
    tuple or None
        None with fewer than two groups, or where most resamples have no value.
    """
    members: dict[str, list[_Item]] = defaultdict(list)
    for item, group in zip(items, groups, strict=True):
        members[group].append(item)
    if len(members) < 2 or resamples < 1:
        return None
    all_members = [members[name] for name in sorted(members)]
    random = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        drawn = random.integers(len(all_members), size=len(all_members))
        value = statistic([item for place in drawn for item in all_members[place]])
        if value is not None:
            found.append(value)
    if len(found) < _FEWEST * resamples:
        return None
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
