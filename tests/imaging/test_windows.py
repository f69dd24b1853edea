"""As SciPy's filters, on planes of any shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from cxr_agent.imaging.windows import least_within, most_within, runs, spread_within

_SHAPES = st.tuples(st.integers(1, 20), st.integers(1, 20))
_PLANES = _SHAPES.flatmap(lambda shape: arrays(np.uint8, shape))


@given(_PLANES, st.sampled_from([1, 3, 7, 13]))
def test_extremes(plane: Any, size: int) -> None:
    assert np.array_equal(most_within(plane, size), ndimage.maximum_filter(plane, size))
    assert np.array_equal(least_within(plane, size), ndimage.minimum_filter(plane, size))
    assert np.array_equal(spread_within(plane, size), ndimage.morphological_gradient(plane, size))
    for axis, window in ((0, (size, 1)), (1, (1, size))):
        wanted = ndimage.maximum_filter(plane, window)
        assert np.array_equal(most_within(plane, size, axis=axis), wanted)


@given(_PLANES, st.integers(1, 25))
def test_runs(plane: Any, length: int) -> None:
    drawn = plane > 100
    for axis, window in ((0, (length, 1)), (1, (1, length))):
        wanted = ndimage.binary_opening(drawn, np.ones(window, dtype=np.bool_))
        assert np.array_equal(runs(drawn, length, axis), wanted)
