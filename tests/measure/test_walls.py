from __future__ import annotations

import pytest

from cxr_agent.measure.walls import walls
from tests.aorta import box


def test_walls_are_the_outer_edges_of_each_row_that_holds_anything() -> None:
    tube = walls(box(10, 20, 15, 22) | box(12, 30, 30, 31) | box(40, 30, 41, 31))
    assert tube.rows.tolist() == [20, 21, 30]
    assert tube.left.tolist() == [10, 10, 12]
    assert tube.right.tolist() == [15, 15, 41]
    assert tube.widths.tolist() == [5, 5, 29]
    assert (tube.top, tube.bottom, tube.height) == (20, 31, 11)


def test_rows_are_taken_by_their_centres() -> None:
    tube = walls(box(10, 20, 15, 24))
    assert tube.above(22).rows.tolist() == [20, 21]
    assert tube.below(22).rows.tolist() == [22, 23]
    assert tube.below(22.6).rows.tolist() == [23]
    assert len(tube.below(24)) == 0


def test_the_longest_run_of_rows_is_unbroken() -> None:
    tube = walls(box(10, 20, 15, 22) | box(10, 30, 15, 35) | box(10, 36, 15, 38))
    assert tube.unbroken().rows.tolist() == [30, 31, 32, 33, 34]


def test_an_empty_outline_has_no_walls() -> None:
    with pytest.raises(ValueError, match="never empty"):
        walls(box(10, 10, 10, 10))
