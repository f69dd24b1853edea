from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.knowledge import definition
from cxr_agent.measure.carina import bifurcation, carina_angle
from cxr_agent.measure.extent import BoolMask, Extent
from cxr_agent.measure.geometry import Geometry, NotMeasurable, Scene
from cxr_agent.measure.judge import check
from cxr_agent.testing.phantom import draw, random_spec
from tests.builders import rectangle

SHAPE = (400, 400)


def forked(
    right: float = 1.0, left: float = 1.0, *, short: int = 0, x: int = 200, bottom: int = 200
) -> BoolMask:
    """A stem to row 120, then two bronchi whose inner edges leave the middle by so much a row.

    Parameters
    ----------
    short
        Rows by which the left bronchus ends above the right.
    """
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    down = rows - 120
    legs = (down > 0) & (rows < bottom)
    aside = columns - x
    to_right = legs & (aside <= -right * down) & (aside > -right * down - 40)
    to_left = legs & (rows < bottom - short) & (aside >= left * down) & (aside < left * down + 40)
    stem = rectangle(SHAPE, x - 15, 90, x + 15, 120)
    mask: BoolMask = stem | to_right | to_left
    return mask


def measured(mask: BoolMask) -> Geometry:
    return carina_angle(Scene({"carina": mask}, Extent(0, 0, 400, 400), mask.shape))


@pytest.mark.parametrize(("right", "left"), [(1.0, 1.0), (0.5, 0.5), (0.5, 1.0), (1.2, 0.7)])
def test_the_angle_between_straight_edges(right: float, left: float) -> None:
    found = measured(forked(right, left))
    assert found.value == pytest.approx(math.degrees(math.atan(right) + math.atan(left)), abs=5)
    check(definition("carina_angle"), found)


def test_landmarks_and_quantities_of_square_steps_are_exact() -> None:
    """A gap of 20 columns below row 140 that widens to 60 at row 150; legs end at row 240."""
    mask = rectangle(SHAPE, 150, 110, 250, 240)
    mask &= ~(rectangle(SHAPE, 190, 140, 210, 150) | rectangle(SHAPE, 170, 150, 230, 240))
    found = measured(mask)
    # Rows at 10, 20 and 30 % of 100: 150, 160 and 170; edges at 170 and 230 on each.
    assert found.landmarks == {
        "vertex": (200, 140),
        "right_edge": (170, 160.5),
        "left_edge": (230, 160.5),
    }
    assert found.value == pytest.approx(2 * math.degrees(math.atan(30 / 20.5)))
    angles = [2 * math.degrees(math.atan(30 / down)) for down in (10.5, 20.5, 30.5)]
    assert found.quantities == pytest.approx(
        {
            "vertex_offset": 0,
            "contour_width": 100 / 400,
            "contour_height": 130 / 400,
            "vertex_across": 0.5,
            "vertex_down": 30 / 130,
            "angle_spread": np.std(angles),
        }
    )
    assert found.box == (150, 110, 250, 240)
    (line,) = found.lines
    assert line.points[1] == (200, 140)
    assert all(math.dist(end, (200, 140)) == pytest.approx(80) for end in line.points[::2])


def test_one_bronchus_may_end_far_above_the_other() -> None:
    even, uneven = bifurcation(forked()), bifurcation(forked(short=35))
    assert uneven.vertex == even.vertex
    assert measured(forked(short=35)).value == pytest.approx(90, abs=5)


@pytest.mark.parametrize(
    "mask",
    [
        rectangle(SHAPE, 150, 100, 250, 200),
        rectangle(SHAPE, 190, 90, 210, 120) | rectangle(SHAPE, 190, 120, 290, 200),
        rectangle(SHAPE, 150, 100, 180, 200) | rectangle(SHAPE, 220, 100, 250, 200),
        # The left leg is a step that ends above 10 % of the height below the vertex.
        rectangle(SHAPE, 150, 100, 190, 300)
        | rectangle(SHAPE, 190, 100, 210, 150)
        | rectangle(SHAPE, 210, 100, 250, 155),
    ],
    ids=["block", "one leg", "two pieces", "stump"],
)
def test_an_outline_without_two_legs(mask: BoolMask) -> None:
    with pytest.raises(NotMeasurable, match="carina_unclear"):
        measured(mask)


def test_a_missing_outline() -> None:
    with pytest.raises(NotMeasurable, match="mask_missing"):
        carina_angle(Scene({}, Extent(0, 0, 400, 400), SHAPE))


@pytest.mark.parametrize("seed", range(5))
def test_a_phantoms_true_angle_is_found(seed: int) -> None:
    spec = replace(random_spec(np.random.default_rng(seed)), tilt_deg=0.0)
    phantom = draw(spec, 512)
    found = measured(phantom.masks["carina"])
    check(definition("carina_angle"), found)
    assert found.value == pytest.approx(phantom.truth["carina_angle"], abs=3)


@given(right=st.floats(0.4, 1.4), left=st.floats(0.4, 1.4), factor=st.integers(2, 3))
@settings(max_examples=15, deadline=None)
def test_mirroring_and_scaling_keep_the_angle(right: float, left: float, factor: int) -> None:
    mask = forked(right, left, bottom=220)
    one, turned = measured(mask), measured(mask[:, ::-1])
    assert turned.value == pytest.approx(one.value)
    x, y = one.landmarks["vertex"]
    assert turned.landmarks["vertex"] == (400 - x, y)
    large = measured(mask.repeat(factor, axis=0).repeat(factor, axis=1))
    # The rows at which edges are taken lie on the grid: half a pixel of height, no more.
    assert large.value == pytest.approx(one.value, abs=4)
    for name in ("vertex_offset", "contour_width", "contour_height", "vertex_across"):
        assert large.quantities[name] == pytest.approx(one.quantities[name])
