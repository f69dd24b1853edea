from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.measure.extent import Extent, extent, row_of_column
from tests.builders import rectangle


def test_empty_mask_has_no_extent() -> None:
    assert extent(np.zeros((4, 5), dtype=np.bool_)) is None


def test_one_pixel_is_one_wide() -> None:
    assert extent(rectangle((4, 5), 4, 3, 5, 4)) == Extent(4, 3, 5, 4)
    assert Extent(4, 3, 5, 4).width == Extent(4, 3, 5, 4).height == 1


@given(left=st.integers(0, 20), top=st.integers(0, 20), w=st.integers(1, 9), h=st.integers(1, 9))
def test_extent_of_a_rectangle_is_the_rectangle(left: int, top: int, w: int, h: int) -> None:
    found = extent(rectangle((30, 30), left, top, left + w, top + h))
    assert found is not None
    assert found.box == (left, top, left + w, top + h)


def test_union_holds_both() -> None:
    assert Extent(1, 5, 3, 9).union(Extent(2, 1, 8, 6)) == Extent(1, 1, 8, 9)


def test_row_of_column_is_the_middle_of_its_pixels() -> None:
    assert row_of_column(rectangle((10, 10), 2, 3, 5, 8), 4) == 5.5
