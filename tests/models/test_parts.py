"""Parts of outlines, against SciPy's own way to find them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from cxr_agent.measure.extent import BoolMask
from cxr_agent.models.parts import encloses, grown, holes, largest_part

PLANES = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(PLANES)
def test_holes_are_what_scipy_fills(plane: BoolMask) -> None:
    assert np.array_equal(holes(plane), ndimage.binary_fill_holes(plane) & ~plane)


@given(PLANES, st.integers(0, 3))
def test_a_frame_encloses_all_that_is_within(plane: BoolMask, margin: int) -> None:
    framed = np.pad(np.pad(plane, 1, constant_values=True), margin)
    assert np.count_nonzero(holes(framed)) == np.count_nonzero(~plane)


@given(PLANES.filter(np.any))
def test_a_part_encloses_something_where_it_has_holes(plane: BoolMask) -> None:
    part = largest_part(plane)
    assert encloses(part) == holes(part).any()
    framed = np.pad(plane, 1, constant_values=True)
    assert encloses(largest_part(framed)) == holes(largest_part(framed)).any()


@given(PLANES, st.integers(1, 4))
def test_growing_is_scipys_dilation(plane: BoolMask, steps: int) -> None:
    assert np.array_equal(grown(plane, steps), ndimage.binary_dilation(plane, iterations=steps))
