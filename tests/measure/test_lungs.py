from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.evidence import Side
from cxr_agent.measure.extent import BoolMask, Extent
from cxr_agent.measure.geometry import Measure, NotMeasurable, Scene
from cxr_agent.measure.lungs import area_of, lung_area_ratio, lung_profile
from tests.builders import rectangle

SHAPE = (140, 200)
RIGHT = rectangle(SHAPE, 20, 10, 60, 110)
LEFT = rectangle(SHAPE, 120, 10, 140, 60) | rectangle(SHAPE, 120, 60, 180, 110)
"""20 wide in its upper half, 60 in its lower."""


def scene(right: BoolMask = RIGHT, left: BoolMask = LEFT) -> Scene:
    rows, columns = right.shape
    masks = {name: m for name, m in (("right_lung", right), ("left_lung", left)) if m.any()}
    return Scene(masks, Extent(0, 0, columns, rows), (rows, columns))


def test_areas_are_counts_of_pixels() -> None:
    right, left = area_of(Side.RIGHT)(scene()), area_of(Side.LEFT)(scene())
    assert (right.value, right.side, right.box) == (4000, Side.RIGHT, (20, 10, 60, 110))
    assert (left.value, left.side, left.box) == (4000, Side.LEFT, (120, 10, 180, 110))


def test_the_ratio_is_left_over_right() -> None:
    found = lung_area_ratio(scene(left=rectangle(SHAPE, 120, 10, 140, 60)))
    assert found.value == 1000 / 4000
    assert found.box == (20, 10, 140, 110)


def test_the_profile_is_exact() -> None:
    found = lung_profile(scene())
    assert found.value == pytest.approx((40 + 20) / (40 + 60))
    assert [found.quantities[f"right_{n}"] for n in range(1, 11)] == pytest.approx([40 / 160] * 10)
    left = [found.quantities[f"left_{n}"] for n in range(1, 11)]
    assert left == pytest.approx([20 / 160] * 5 + [60 / 160] * 5)


def test_the_profile_draws_the_width_in_the_middle_of_each_band() -> None:
    lines = {line.name: line.points for line in lung_profile(scene()).lines}
    assert len(lines) == 20
    assert lines["width_right_1"] == ((20, 15.5), (60, 15.5))
    assert lines["width_left_10"] == ((120, 105.5), (180, 105.5))


@given(height=st.integers(10, 130), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_the_bands_of_any_height_hold_the_whole_lung(height: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = np.zeros(SHAPE, dtype=np.bool_)
    for row in range(height):
        left[5 + row, 100 : 100 + rng.integers(1, 90)] = True
    found = lung_profile(scene(left=left))
    thorax = max(int(np.flatnonzero(left.any(axis=0))[-1]) + 1, 60) - 20
    held = sum(found.quantities[f"left_{n}"] for n in range(1, 11)) * thorax * height / 10
    assert held == pytest.approx(np.count_nonzero(left))


@given(factor=st.integers(2, 4), top=st.integers(0, 60), bottom=st.integers(75, 139))
@settings(max_examples=20, deadline=None)
def test_a_finer_grid_keeps_ratio_and_profile(factor: int, top: int, bottom: int) -> None:
    planes = rectangle(SHAPE, 20, top, 60, bottom), LEFT
    large = [plane.repeat(factor, axis=0).repeat(factor, axis=1) for plane in planes]
    for measure in (lung_area_ratio, lung_profile):
        one, other = measure(scene(*planes)), measure(scene(*large))
        assert other.value == pytest.approx(one.value)
        assert other.quantities == pytest.approx(one.quantities)


@pytest.mark.parametrize("rows", [1, 9])
def test_a_lung_of_fewer_rows_than_bands_has_no_profile(rows: int) -> None:
    with pytest.raises(NotMeasurable, match="lung_too_low"):
        lung_profile(scene(right=rectangle(SHAPE, 20, 10, 60, 10 + rows)))


@pytest.mark.parametrize("missing", ["right", "left"])
@pytest.mark.parametrize("measure", [lung_area_ratio, lung_profile])
def test_a_missing_lung(missing: str, measure: Measure) -> None:
    with pytest.raises(NotMeasurable, match="mask_missing"):
        measure(scene(**{missing: np.zeros(SHAPE, dtype=np.bool_)}))


def test_an_area_needs_only_its_own_lung() -> None:
    alone = scene(left=np.zeros(SHAPE, dtype=np.bool_))
    assert area_of(Side.RIGHT)(alone).value == 4000
    with pytest.raises(NotMeasurable, match="mask_missing"):
        area_of(Side.LEFT)(alone)
