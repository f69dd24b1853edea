"""A repeat's outline turned back, worked out only where something is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from cxr_agent.measure.extent import BoolMask
from cxr_agent.models.repeats import _turned, _turned_above
from cxr_agent.study import FloatImage


def turned_above(plane: FloatImage, degrees: float) -> BoolMask:
    """On the whole plane."""
    above = np.zeros(plane.shape, dtype=np.bool_)
    found = _turned_above(plane, degrees)
    if found is not None:
        above[found.box] = found.within
    return above


@pytest.mark.parametrize("degrees", [3.0, -3.0, 7.0])
@pytest.mark.parametrize("shape", [(96, 96), (120, 70), (33, 200)])
def test_as_if_all_of_it_were_turned(degrees: float, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for blur in (1.0, 4.0, 9.0):
        plane = ndimage.gaussian_filter(rng.random(shape), blur).astype(np.float32)
        plane = (plane - plane.min()) / np.ptp(plane)
        plane[: shape[0] // 3] = 0
        assert np.array_equal(turned_above(plane, degrees), _turned(plane, degrees) > 0.5)
    assert _turned_above(np.zeros(shape, dtype=np.float32), degrees) is None


@pytest.mark.parametrize("degrees", [3.0, -3.0, 12.0])
def test_what_lies_far_from_the_middle_moves_as_far(degrees: float) -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        plane = np.zeros((90, 140), dtype=np.float32)
        top, left = rng.integers(0, 85), rng.integers(0, 135)
        block = plane[top : top + rng.integers(1, 40), left : left + rng.integers(1, 40)]
        block[:] = rng.uniform(0.3, 1, block.shape)
        assert np.array_equal(turned_above(plane, degrees), _turned(plane, degrees) > 0.5)
