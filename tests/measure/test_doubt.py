"""The doubt of a value, from what is measured on repeats."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cxr_agent.measure.doubt import Doubt, calibrated, repeated
from cxr_agent.measure.extent import Extent
from cxr_agent.measure.geometry import Geometry, NotMeasurable, Scene
from tests.builders import rectangle

SHAPE = (10, 100)


def scene(width: int) -> Scene:
    planes = {"heart": rectangle(SHAPE, 0, 0, width, 10)} if width else {}
    return Scene(planes, Extent(0, 0, 100, 10), SHAPE)


def width(one: Scene) -> Geometry:
    share = float(np.count_nonzero(one.mask("heart")[0])) / 100
    return Geometry(share, quantities={"twice": 2 * share})


def test_deviations_are_from_the_first_outlines() -> None:
    found = repeated(width, scene(50), [scene(48), scene(54), scene(50)], ("value", "twice"))
    assert found["value"].deviations == pytest.approx((-0.02, 0.04, 0))
    assert found["twice"].deviations == pytest.approx((-0.04, 0.08, 0))
    assert found["value"].spread == pytest.approx(math.sqrt((0.02**2 + 0.04**2) / 3))
    assert found["value"].around(0.5) == pytest.approx((0.48, 0.54))
    assert found["value"].level == 0.5


def test_the_value_lies_within_its_range_even_where_all_repeats_moved_one_way() -> None:
    assert Doubt((0.1, 0.2)).around(1.0) == (1.0, 1.2)


def test_half_of_the_repeats_lost_is_too_many() -> None:
    with pytest.raises(NotMeasurable, match="outlines_unstable"):
        repeated(width, scene(50), [scene(50), scene(0), scene(0), scene(51)], ("value",))


def test_a_lost_repeat_among_many_is_left_out() -> None:
    found = repeated(width, scene(50), [scene(49), scene(0), scene(51)], ("value",))
    assert found["value"].deviations == pytest.approx((-0.01, 0.01))


def test_calibration_widens_by_floor_and_spread() -> None:
    assert calibrated(1.0, 0.03, 0.04, 2.0) == pytest.approx((0.9, 1.1))
