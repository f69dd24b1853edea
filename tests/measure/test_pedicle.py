from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.measure.extent import BoolMask, Extent
from cxr_agent.measure.geometry import Geometry, NotMeasurable, Scene
from cxr_agent.measure.pedicle import vascular_pedicle
from tests.builders import rectangle

SHAPE = (120, 200)
RIGHT = rectangle(SHAPE, 20, 10, 80, 110) | rectangle(SHAPE, 80, 45, 90, 46)
"""Reaches 10 further to the middle at 35 % of its height."""
LEFT = rectangle(SHAPE, 120, 10, 180, 110) | rectangle(SHAPE, 110, 30, 120, 31)
"""The same at 20 %."""


def measured(right: BoolMask = RIGHT, left: BoolMask = LEFT) -> Geometry:
    rows, columns = right.shape
    masks = {name: m for name, m in (("right_lung", right), ("left_lung", left)) if m.any()}
    return vascular_pedicle(Scene(masks, Extent(0, 0, columns, rows), (rows, columns)))


def test_the_width_is_taken_at_the_two_heights() -> None:
    found = measured()
    assert found.value == 20
    assert found.landmarks == {"cava": (90, 45.5), "subclavian": (110, 30.5)}
    assert found.quantities == {"thorax_share": 20 / 160}
    assert found.lengths == {"value": (20, 0)}
    assert found.remarks == ("pedicle_derived",)
    lines = {line.name: line.points for line in found.lines}
    assert lines["vascular_pedicle"] == ((90, 45.5), (110, 45.5))


def test_lungs_that_overlap_there() -> None:
    with pytest.raises(NotMeasurable, match="pedicle_unclear"):
        measured(right=rectangle(SHAPE, 20, 10, 110, 110))


def test_a_lung_that_is_not_outlined_at_that_height() -> None:
    gap = RIGHT & ~rectangle(SHAPE, 0, 40, 200, 50)
    with pytest.raises(NotMeasurable, match="pedicle_unclear"):
        measured(right=gap)


@pytest.mark.parametrize("missing", ["right", "left"])
def test_a_missing_lung(missing: str) -> None:
    with pytest.raises(NotMeasurable, match="mask_missing"):
        measured(**{missing: rectangle(SHAPE, 0, 0, 0, 0)})


@given(factor=st.integers(2, 4), gap=st.integers(1, 60))
@settings(max_examples=15, deadline=None)
def test_it_grows_with_the_grid(factor: int, gap: int) -> None:
    planes = RIGHT, rectangle(SHAPE, 90 + gap, 10, 180, 110)
    large = (plane.repeat(factor, axis=0).repeat(factor, axis=1) for plane in planes)
    one, other = measured(*planes), measured(*large)
    assert (one.value, other.value) == (gap, factor * gap)
    assert other.quantities == one.quantities
