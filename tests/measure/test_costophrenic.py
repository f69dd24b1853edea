from __future__ import annotations

import math

import numpy as np
import pytest

from cxr_agent.evidence import Side
from cxr_agent.measure.costophrenic import angle_of, costophrenic_angle
from cxr_agent.measure.extent import BoolMask, Extent
from cxr_agent.measure.geometry import Geometry, NotMeasurable, Scene
from tests.builders import rectangle

SHAPE = (200, 300)
LEFT, TOP, RIGHT, BOTTOM = 20, 10, 110, 170
REACH = (BOTTOM - TOP) // 8
ONE_PIXEL = 2 * math.degrees(math.atan(1 / REACH))
"""On both sides of the angle, at the distance where they are taken."""


def lung(floor_rise: float = 0.0, cut: int = 0) -> BoolMask:
    """Of the right side: a straight wall and a floor that rises to the middle by some rows per
    column; ``cut`` rows and columns are missing at the corner between them."""
    plane = rectangle(SHAPE, LEFT, TOP, RIGHT, BOTTOM)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    above = y < BOTTOM - floor_rise * (x - LEFT)
    open_corner = (x - LEFT) + (BOTTOM - y) >= cut
    kept: BoolMask = plane & above & open_corner
    return kept


def measured(plane: BoolMask, side: Side = Side.RIGHT, field: Extent | None = None) -> Geometry:
    rows, columns = plane.shape
    scene = Scene(
        {f"{side.value}_lung": plane}, field or Extent(0, 0, columns, rows), (rows, columns)
    )
    return costophrenic_angle(scene, side)


def test_a_flat_floor_makes_a_right_angle_with_exact_landmarks() -> None:
    found = measured(lung())
    assert found.value == pytest.approx(90)
    assert found.landmarks == {
        "wall": (LEFT, BOTTOM - REACH + 0.5),
        "vertex": (LEFT, BOTTOM),
        "diaphragm": (LEFT + REACH + 0.5, BOTTOM),
    }
    assert found.quantities == {"base_margin": 30 / 200, "side_margin": 20 / 300}
    assert found.side is Side.RIGHT


@pytest.mark.parametrize("rise", [0.3, 0.6, 1.0, 1.5])
def test_a_floor_that_rises_to_the_middle_makes_a_sharp_angle(rise: float) -> None:
    expected = 90 - math.degrees(math.atan(rise))
    assert measured(lung(rise)).value == pytest.approx(expected, abs=ONE_PIXEL)


def test_fluid_in_the_corner_makes_an_obtuse_angle() -> None:
    assert measured(lung(cut=25)).value == pytest.approx(135, abs=ONE_PIXEL)


@pytest.mark.parametrize("rise", [0.0, 0.7])
def test_the_other_side_is_its_mirror_image(rise: float) -> None:
    one, other = measured(lung(rise)), measured(lung(rise)[:, ::-1], Side.LEFT)
    assert other.value == one.value
    assert other.quantities == one.quantities
    assert other.side is Side.LEFT
    for name, (x, y) in one.landmarks.items():
        assert other.landmarks[name] == (SHAPE[1] - x, y)


def test_margins_are_those_to_the_exposed_field() -> None:
    found = measured(lung(), field=Extent(10, 0, 210, 180))
    assert found.quantities == {"base_margin": 10 / 180, "side_margin": 10 / 200}
    beyond = measured(lung(), field=Extent(30, 0, 230, 160))
    assert beyond.quantities == {"base_margin": 0, "side_margin": 0}


@pytest.mark.parametrize(
    "plane",
    [
        rectangle(SHAPE, LEFT, TOP, LEFT + 10, BOTTOM),  # narrower than the reach
        lung() & ~rectangle(SHAPE, 0, BOTTOM - REACH, 300, BOTTOM - REACH + 1),
        lung() & ~rectangle(SHAPE, LEFT + REACH, 0, LEFT + REACH + 1, 200),
    ],
    ids=["narrow", "no wall", "no floor"],
)
def test_borders_that_end_too_soon(plane: BoolMask) -> None:
    with pytest.raises(NotMeasurable, match="angle_unclear"):
        measured(plane)


def test_without_the_lung_of_that_side() -> None:
    scene = Scene({"right_lung": lung()}, Extent(0, 0, 300, 200), SHAPE)
    assert angle_of(Side.RIGHT)(scene).value == pytest.approx(90)
    with pytest.raises(NotMeasurable, match="mask_missing"):
        angle_of(Side.LEFT)(scene)


@pytest.mark.parametrize("factor", [2, 3])
def test_a_finer_grid_keeps_the_angle(factor: int) -> None:
    plane = lung(0.6)
    large = plane.repeat(factor, axis=0).repeat(factor, axis=1)
    assert measured(large).value == pytest.approx(measured(plane).value, abs=ONE_PIXEL)
