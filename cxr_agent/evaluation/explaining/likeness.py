"""How alike two maps are."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_WINDOW: Final = 5
"""Cells; Adebayo et al. (2018) take 5 as well."""
_C1, _C2 = 0.01**2, 0.03**2
"""Wang et al. (2004), for values in [0, 1]."""
_FLAT: Final = 1e-9


def rank_correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Spearman's, of the cells; 0 where a map is flat, because it then points nowhere."""
    from scipy.stats import rankdata

    first, second = (rankdata(plane, axis=None) for plane in (one, other))
    first, second = first - first.mean(), second - second.mean()
    length = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum() / length) if length > _FLAT else 0.0


def structural_similarity(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """SSIM (Wang et al., 2004) of two maps, each stretched to [0, 1] as overlays are.

    Parameters
    ----------
    one, other
        (s, s); windows of 5 x 5 cells, and what is beyond the border mirrors what is within.
    """
    from scipy.ndimage import uniform_filter

    x, y = _stretched(one), _stretched(other)

    def local(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        smooth: NDArray[np.float64] = uniform_filter(plane, _WINDOW, mode="reflect")
        return smooth

    mx, my = local(x), local(y)
    vx, vy, vxy = local(x * x) - mx * mx, local(y * y) - my * my, local(x * y) - mx * my
    plane = ((2 * mx * my + _C1) * (2 * vxy + _C2)) / ((mx * mx + my * my + _C1) * (vx + vy + _C2))
    return float(plane.mean())


def _stretched(plane: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = plane.astype(np.float64)
    low, high = float(wide.min()), float(wide.max())
    stretched: NDArray[np.float64] = (wide - low) / max(high - low, _FLAT)
    return stretched
