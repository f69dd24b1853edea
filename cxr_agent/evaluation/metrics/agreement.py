"""How well a measured number agrees with a reader's.

References
----------
Bland and Altman, Lancet 1986: bias and limits of agreement.
Lin, Biometrics 1989: concordance correlation coefficient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LIMITS: Final = 1.96
"""Standard deviations that hold 95 % of normally distributed differences."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of measured with true numbers, in their unit."""

    cases: int
    bias: float
    """Mean of measured minus true."""
    mean_absolute_error: float
    median_absolute_error: float
    lower_limit: float | None
    """Of agreement: 95 % of differences lie between both. None below two cases."""
    upper_limit: float | None
    concordance: float | None
    """Lin's coefficient, -1 to 1. None where it is not defined: fewer than two cases, or the
    true numbers do not vary."""


def agreement(measured: ArrayLike, true: ArrayLike) -> Agreement | None:
    """Of two (N,) lists of finite numbers; None where they are empty."""
    found, truth = _pair(measured, true)
    if not found.size:
        return None
    differences = found - truth
    bias = float(differences.mean())
    spread = _LIMITS * float(differences.std(ddof=1)) if found.size > 1 else None
    return Agreement(
        cases=found.size,
        bias=bias,
        mean_absolute_error=float(np.abs(differences).mean()),
        median_absolute_error=float(np.median(np.abs(differences))),
        lower_limit=None if spread is None else bias - spread,
        upper_limit=None if spread is None else bias + spread,
        concordance=concordance(found, truth),
    )


def concordance(measured: ArrayLike, true: ArrayLike) -> float | None:
    """Lin's coefficient, with variances over N as in his paper; None as :class:`Agreement` says."""
    found, truth = _pair(measured, true)
    if found.size < 2:
        return None
    scale = found.var() + truth.var() + (found.mean() - truth.mean()) ** 2
    if not scale > 0 or not truth.var() > 0:
        return None
    covariance = ((found - found.mean()) * (truth - truth.mean())).mean()
    return float(2 * covariance / scale)


def covered(low: ArrayLike, high: ArrayLike, true: ArrayLike) -> NDArray[np.bool_]:
    """(N,) whether the truth lies in the interval that was claimed, its ends included."""
    lower, upper = _pair(low, high)
    truth = np.asarray(true, dtype=np.float64)
    inside: NDArray[np.bool_] = (lower <= truth) & (truth <= upper)
    return inside


def _pair(one: ArrayLike, other: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError("two lists of the same length are compared")
    return first, second
