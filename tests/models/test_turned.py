"""A repeat's outline turned back, worked out only where something is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from cxr_agent.models.repeats import _turned, _turned_above


@pytest.mark.parametrize("degrees", [3.0, -3.0, 7.0])
@pytest.mark.parametrize("shape", [(96, 96), (120, 70), (33, 200)])
def test_as_if_all_of_it_were_turned(degrees: float, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for blur in (1.0, 4.0, 9.0):
        plane = ndimage.gaussian_filter(rng.random(shape), blur).astype(np.float32)
        plane = (plane - plane.min()) / np.ptp(plane)
        plane[: shape[0] // 3] = 0
        assert np.array_equal(_turned_above(plane, degrees), _turned(plane, degrees) > 0.5)
    assert not _turned_above(np.zeros(shape, dtype=np.float32), degrees).any()
