"""The box around what is drawn, against a search pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cxr_agent.boxes import box_around
from cxr_agent.measure.extent import BoolMask

PLANES = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9))


@given(PLANES, st.integers(0, 3), st.booleans())
def test_the_box_is_the_smallest_with_all_that_is_drawn(
    plane: BoolMask, margin: int, turned: bool
) -> None:
    plane = plane.T[::-1] if turned else plane  # which does not lie in memory row by row
    drawn = np.argwhere(plane)
    box = box_around(plane, margin)
    if not drawn.size:
        assert box is None
        return
    assert box is not None
    for axis, side in enumerate(box):
        first, last = int(drawn[:, axis].min()), int(drawn[:, axis].max())
        assert (side.start, side.stop) == (max(0, first - margin), last + 1 + margin)


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (4, 0), (3, 5)])
def test_nothing_drawn_has_no_box(shape: tuple[int, int]) -> None:
    assert box_around(np.zeros(shape, dtype=np.bool_)) is None


def test_bytes_taken_for_booleans_are_drawn_too() -> None:
    plane = np.zeros((5, 6), dtype=np.uint8)
    plane[1:3, 2:5] = 255
    assert box_around(plane.view(np.bool_)) == (slice(1, 3), slice(2, 5))
