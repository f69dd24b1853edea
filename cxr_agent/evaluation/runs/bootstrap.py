"""Intervals by resampling patients, not films: films of one patient are alike.

References
----------
Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile interval).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_Item = TypeVar("_Item")

LEVEL: Final = 0.95
RESAMPLES: Final = 1000
_FEWEST: Final = 0.5
"""Share of resamples in which a value must be defined for its interval to be told."""


@dataclass(frozen=True, slots=True)
class OfSums(Generic[_Item]):
    """A statistic of sums over items, as means and shares are: each item is looked at once, however
    often it is drawn."""

    terms: Callable[[_Item], Sequence[float]]
    """What an item adds to each sum; of every item as many."""
    value: Callable[..., float | None]
    """Of the sums, one argument each; None where it is not defined."""

    def __call__(self, items: Sequence[_Item]) -> float | None:
        if not items:
            return None
        return self.value(*map(sum, zip(*map(self.terms, items), strict=True)))


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
    of_drawn = _of_drawn([members[name] for name in sorted(members)], statistic)
    random = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        value = of_drawn(random.integers(len(members), size=len(members)))
        if value is not None:
            found.append(value)
    if len(found) < _FEWEST * resamples:
        return None
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _of_drawn(
    members: Sequence[Sequence[_Item]], statistic: Callable[[Sequence[_Item]], float | None]
) -> Callable[[NDArray[np.int64]], float | None]:
    """The statistic of the groups that were drawn, given by their places."""
    if not isinstance(statistic, OfSums):
        return lambda drawn: statistic([item for place in drawn for item in members[place]])
    terms, value = statistic.terms, statistic.value
    sums = np.array([np.sum([terms(item) for item in group], axis=0) for group in members], float)
    return lambda drawn: value(*(np.bincount(drawn, minlength=len(sums)) @ sums).tolist())
