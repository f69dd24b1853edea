"""A mean over cases with the interval that its number of cases leaves."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

_DRAWS: Final = 1000
_SEED: Final = 0
_ENDS: Final = (2.5, 97.5)


class Mean(BaseModel):
    """The mean of so many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: int
    value: float | None
    """None where there are no cases."""
    interval: tuple[float, float] | None
    """95 %, by percentile bootstrap over cases (Efron, 1979); None below two cases."""


def mean_over(values: ArrayLike) -> Mean:
    """Mean of (N,) finite values, one per independent case; the same values, the same interval."""
    cases = np.asarray(values, dtype=np.float64)
    if not cases.size:
        return Mean(of=0, value=None, interval=None)
    if cases.size == 1:
        return Mean(of=1, value=float(cases[0]), interval=None)
    drawn = np.random.default_rng(_SEED).integers(0, cases.size, (_DRAWS, cases.size))
    low, high = np.percentile(cases[drawn].mean(axis=1), _ENDS)
    return Mean(of=cases.size, value=float(cases.mean()), interval=(float(low), float(high)))
