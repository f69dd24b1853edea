from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.measure.extent import BoolMask, Extent
from cxr_agent.measure.geometry import NotMeasurable, Scene
from cxr_agent.measure.midline import midline
from tests.builders import rectangle

SHAPE = (400, 400)


def vertebra(x: int, y: int) -> BoolMask:
    """Twenty wide and ten high about a centre."""
    return rectangle(SHAPE, x - 10, y - 5, x + 10, y + 5)


def scene_of(**masks: BoolMask) -> Scene:
    return Scene(masks, Extent(0, 0, 400, 400), SHAPE)


def column(centres: dict[int, tuple[int, int]], **further: BoolMask) -> Scene:
    """Vertebrae by number, T1 as 1."""
    return scene_of(**{f"vertebra_t{n}": vertebra(*c) for n, c in centres.items()}, **further)


def test_a_line_through_the_centres_of_vertebrae_is_exact() -> None:
    found = midline(column({n: (196 + n, 60 + 20 * n) for n in range(1, 6)}), 70, 170)
    assert found.slope == pytest.approx(1 / 20)
    assert found.x(100) == pytest.approx(198)
    assert found.residual == pytest.approx(0, abs=1e-12)
    assert found.wander == pytest.approx(np.std([1, 2, 3, 4, 5]) / 400)
    assert found.remarks == ()
    assert found.line(80, 180).points == (pytest.approx((197, 80)), pytest.approx((202, 180)))


def test_the_residual_is_the_largest_distance_over_the_width() -> None:
    found = midline(column({1: (200, 80), 2: (206, 100), 3: (200, 120)}), 70, 130)
    assert (found.slope, found.offset) == (0, pytest.approx(202))
    assert found.residual == pytest.approx(4 / 400)


def test_vertebrae_between_the_heights_count_and_no_others() -> None:
    straight = {n: (200, 20 * n) for n in range(1, 5)}
    bent = {n: (300, 20 * n) for n in range(5, 8)}
    assert midline(column(straight | bent), 10, 85).x(40) == pytest.approx(200)


def test_the_three_nearest_count_where_fewer_lie_between_the_heights() -> None:
    found = midline(column({n: (200 + 10 * (n > 4), 40 * n) for n in range(1, 8)}), 70, 90)
    assert [y for _, y in found.points] == [40, 80, 120]
    assert found.x(80) == pytest.approx(200)


def test_vertebrae_below_the_seventh_are_not_taken() -> None:
    spine = rectangle(SHAPE, 140, 0, 160, 400)
    scene = scene_of(**{f"vertebra_t{n}": vertebra(200, 30 * n) for n in (8, 9, 10)}, spine=spine)
    assert midline(scene, 240, 310).x(250) == pytest.approx(150)


@pytest.mark.parametrize(
    "centres",
    [
        {1: (200, 80), 2: (200, 100)},
        {1: (200, 80), 2: (200, 100), 4: (200, 140), 5: (200, 160)},
        {1: (200, 80), 2: (200, 120), 3: (200, 100), 4: (200, 140)},
    ],
    ids=["two", "gap", "out of order"],
)
def test_vertebrae_that_are_not_three_in_order_do_not_count(
    centres: dict[int, tuple[int, int]],
) -> None:
    with pytest.raises(NotMeasurable, match="midline_unclear"):
        midline(column(centres), 70, 170)
    spine = rectangle(SHAPE, 140, 0, 160, 400)
    assert midline(column(centres, spine=spine), 70, 170).x(100) == pytest.approx(150)


def test_the_spine_gives_the_centres_of_its_rows() -> None:
    spine = rectangle(SHAPE, 180, 0, 200, 100) | rectangle(SHAPE, 190, 100, 210, 400)
    found = midline(scene_of(spine=spine), 60, 139)
    assert found.x(100) == pytest.approx(195)
    assert found.wander == pytest.approx(5 / 400)
    assert found.remarks == ()
    assert midline(scene_of(spine=spine), 200, 300).x(0) == pytest.approx(200)


def lungs(gap: tuple[int, int] = (180, 230)) -> dict[str, BoolMask]:
    return {
        "right_lung": rectangle(SHAPE, 50, 50, gap[0], 350),
        "left_lung": rectangle(SHAPE, gap[1], 50, 350, 350),
    }


def test_the_lungs_give_a_proxy_that_says_so() -> None:
    found = midline(scene_of(**lungs()), 80, 120)
    assert (found.slope, found.x(100)) == (0, 205)
    assert found.remarks == ("midline_proxy",)


def test_a_spine_that_ends_above_is_no_midline() -> None:
    scene = scene_of(spine=rectangle(SHAPE, 180, 0, 200, 50), **lungs())
    assert midline(scene, 80, 120).remarks == ("midline_proxy",)


@pytest.mark.parametrize("missing", ["right_lung", "left_lung"])
def test_one_lung_is_no_midline(missing: str) -> None:
    masks = lungs()
    del masks[missing]
    with pytest.raises(NotMeasurable, match="midline_unclear"):
        midline(scene_of(**masks), 80, 120)


def test_lungs_at_another_height_are_no_midline() -> None:
    with pytest.raises(NotMeasurable, match="midline_unclear"):
        midline(scene_of(**lungs()), 0, 30)


@given(places=st.lists(st.integers(-30, 30), min_size=3, max_size=7))
@settings(max_examples=25, deadline=None)
def test_mirroring_mirrors_the_line(places: list[int]) -> None:
    centres = {n: (200 + x, 30 + 40 * n) for n, x in enumerate(places, 1)}
    scene = column(centres)
    turned = scene_of(**{name: plane[:, ::-1] for name, plane in scene.masks.items()})
    one, other = midline(scene, 0, 400), midline(turned, 0, 400)
    assert other.x(150) == pytest.approx(400 - one.x(150))
    assert other.residual == pytest.approx(one.residual)
    assert other.wander == pytest.approx(one.wander)
