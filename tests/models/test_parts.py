"""Parts of outlines, against SciPy's own way to find them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from cxr_agent.measure.extent import BoolMask
from cxr_agent.models.parts import holes

PLANES = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(PLANES)
def test_holes_are_what_scipy_fills(plane: BoolMask) -> None:
    filled = ndimage.binary_fill_holes(plane) & ~plane
    found = holes(plane)
    if found is None:
        assert not filled.any()
    else:
        assert found.any()
        assert np.array_equal(found, filled)


@given(PLANES, st.integers(0, 3))
def test_a_frame_encloses_all_that_is_within(plane: BoolMask, margin: int) -> None:
    framed = np.pad(np.pad(plane, 1, constant_values=True), margin)
    found = holes(framed)
    missing = int(np.count_nonzero(~plane))
    assert (0 if found is None else np.count_nonzero(found)) == missing
