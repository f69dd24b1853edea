from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.measure.extent import BoolMask, Extent
from cxr_agent.measure.geometry import Geometry, NotMeasurable, Scene
from cxr_agent.measure.nodule import nodule_diameter
from tests.builders import rectangle

SHAPE = (200, 200)


def measured(plane: BoolMask) -> Geometry:
    rows, columns = plane.shape
    return nodule_diameter(Scene({"nodule": plane}, Extent(0, 0, columns, rows), plane.shape))


def ellipse(long: float, short: float, turned_deg: float = 0.0) -> BoolMask:
    """Around the middle of the grid, with these semi-axes."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5 - 100
    angle = math.radians(turned_deg)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    plane: BoolMask = (along / long) ** 2 + (across / short) ** 2 < 1
    return plane


def test_a_rectangle_gives_its_diagonal_and_the_longest_chord_across_it() -> None:
    found = measured(rectangle(SHAPE, 50, 60, 90, 90))
    assert found.quantities["long_axis_px"] == pytest.approx(50)
    # 30 high, at the slope of the diagonal: 30 / (40 / 50).
    assert found.quantities["short_axis_px"] == pytest.approx(37.5)
    assert found.value == pytest.approx((50 + 37.5) / 2)
    assert found.box == (50, 60, 90, 90)
    assert math.hypot(*found.lengths["value"]) == pytest.approx(50)


@pytest.mark.parametrize("turned", [0, 30, 45, 90, 160])
def test_an_ellipse_gives_both_its_axes(turned: float) -> None:
    found = measured(ellipse(40, 25, turned))
    # Each end of an axis may lie a pixel's half diagonal beyond the drawn border.
    assert found.quantities["long_axis_px"] == pytest.approx(80, abs=math.sqrt(2))
    assert found.quantities["short_axis_px"] == pytest.approx(50, abs=math.sqrt(2))


@pytest.mark.parametrize("turned", [0, 25, 70])
def test_the_axes_are_drawn_at_a_right_angle_and_on_the_nodule(turned: float) -> None:
    plane = ellipse(40, 20, turned)
    found = measured(plane)
    long_axis, short_axis = (np.array(line.points) for line in found.lines)
    assert (long_axis[1] - long_axis[0]) @ (short_axis[1] - short_axis[0]) == pytest.approx(
        0, abs=1e-6
    )
    for line, name in ((long_axis, "long_axis_px"), (short_axis, "short_axis_px")):
        assert np.hypot(*(line[1] - line[0])) == pytest.approx(found.quantities[name])
        for share in np.linspace(0.05, 0.95, 10):
            x, y = line[0] + share * (line[1] - line[0])
            assert plane[int(y), int(x)]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (5, 1), (1, 5)])
def test_a_nodule_of_few_pixels(width: int, height: int) -> None:
    found = measured(rectangle(SHAPE, 10, 10, 10 + width, 10 + height))
    assert found.quantities["long_axis_px"] == pytest.approx(math.hypot(width, height))


@given(factor=st.integers(2, 4), width=st.integers(3, 30), height=st.integers(3, 30))
@settings(max_examples=20, deadline=None)
def test_it_grows_with_the_grid_and_does_not_mirror(factor: int, width: int, height: int) -> None:
    plane = rectangle((40, 40), 5, 4, 5 + width, 4 + height)
    plane[4, 5] = False
    one = measured(plane)
    large = plane.repeat(factor, axis=0).repeat(factor, axis=1)
    assert measured(large).value == pytest.approx(factor * one.value)
    assert measured(plane[:, ::-1]).quantities["long_axis_px"] == pytest.approx(
        one.quantities["long_axis_px"]
    )


def test_without_an_outline() -> None:
    with pytest.raises(NotMeasurable, match="mask_missing"):
        nodule_diameter(Scene({}, Extent(0, 0, 200, 200), SHAPE))
